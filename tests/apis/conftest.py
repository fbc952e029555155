"""A tiny run and its inferencer, made once."""
import pytest
from tiny_run import write_run

from chtn_plugin.apis import RetrievalInferencer


@pytest.fixture(scope='session')
def tiny(tmp_path_factory):
    """Folder with ``data`` and ``run``."""
    folder = tmp_path_factory.mktemp('tiny')
    write_run(folder)
    return folder


@pytest.fixture(scope='session')
def model(tiny):
    return RetrievalInferencer(tiny / 'run', show_progress=False)


@pytest.fixture
def pictures(tiny, tmp_path):
    """A folder of three pictures of its own."""
    folder = tmp_path / 'pictures'
    folder.mkdir()
    for k in range(3):
        source = tiny / 'data' / 'images' / f'{k * 5}.png'
        (folder / f'{k}.png').write_bytes(source.read_bytes())
    return folder
