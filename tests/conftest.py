"""Fixtures shared by all tests."""
from __future__ import annotations

import os

from devices import hide_gpus

import chtn_plugin  # noqa: F401  (first: see its __init__)

# Tests ask no network for weights. Read while transformers is imported.
os.environ['HF_HUB_OFFLINE'] = '1'
# Before anything imports torch.
hide_gpus()

import gc  # noqa: E402
from collections.abc import Iterator  # noqa: E402
from pathlib import Path  # noqa: E402

import pytest  # noqa: E402
import torch  # noqa: E402
from tiny_data import write_pairs, write_picture  # noqa: E402

# Tensors here are tiny: threads cost more than they save.
torch.set_num_threads(1)


@pytest.fixture(scope='session', autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep side files out of the user's cache folder, in subprocesses too."""
    folder = tmp_path_factory.mktemp('cache')
    os.environ['CHTN_CACHE'] = str(folder)
    yield folder
    os.environ.pop('CHTN_CACHE', None)


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """A folder of 8 pairs of two classes, with pictures and a manifest.

    Pair k is ``p<k>``: a 4×4 picture of grey value 10 k; its text has its
    class's word and its own; 4 pairs train, 2 validate, 2 test.
    """
    rows = []
    for k, split in enumerate(['train'] * 4 + ['val'] * 2 + ['test'] * 2):
        name = ('bird', 'cat')[k % 2]
        write_picture(tmp_path / 'images' / f'{k}.png', 10 * k)
        rows.append(f'p{k},{split},{name},images/{k}.png,{name} word{k}')
    write_pairs(tmp_path, rows)
    return tmp_path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder ``source`` of two class folders with 2 and 3 pictures."""
    for k, name in enumerate(['a/0', 'a/1', 'b/0', 'b/1', 'b/2']):
        write_picture(tmp_path / 'source' / f'{name}.png', 100 + k)
    return tmp_path / 'source'


# By module: what runs after it in the same process needs the real text.
@pytest.fixture(scope='module')
def quick_checkpoints() -> Iterator[None]:
    """Leave out the formatting of the configuration in every checkpoint.

    It takes most of a tiny run's time, and no test that asks for this reads
    the text.
    """
    from mmengine.config import Config
    kept = Config.pretty_text
    Config.pretty_text = property(lambda self: 'formatted = False\n')
    yield
    Config.pretty_text = kept


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a GPU where none is to be seen."""
    if torch.cuda.is_available():
        return
    for item in items:
        if item.get_closest_marker('gpu'):
            item.add_marker(pytest.mark.skip(
                reason='needs a GPU, and is asked for by: pytest -m gpu'))


def pytest_collection_finish() -> None:
    """Keep what the imports made out of the garbage collector's way.

    MMEngine collects garbage once a data set, which takes half a second over
    the objects of torch and transformers.
    """
    gc.freeze()
