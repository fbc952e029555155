"""A user's folder and a configs folder, for all that reads the one."""
import pytest
from own_folder import picture


@pytest.fixture
def folder(tmp_path):
    """Sixty pictures of three classes, no table yet."""
    for index in range(60):
        picture(tmp_path / f'images/{index}.png', index)
    return tmp_path


@pytest.fixture
def configs(tmp_path_factory):
    """A configs folder with an empty ``_base_``."""
    folder = tmp_path_factory.mktemp('configs')
    (folder / '_base_').mkdir()
    (folder / '_base_' / 'default_runtime.py').write_text('')
    return folder
