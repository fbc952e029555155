"""A full cache deletes its own oldest stores, and nothing else."""
from __future__ import annotations

import json

import numpy as np
import pytest

from chtn_plugin.storage.row_store import FeatureStore, folder_bytes

ROWS = np.zeros((10, 100), np.float32)
NAMES = [str(number) for number in range(10)]


@pytest.fixture
def full(tmp_path):
    """A cache folder with an older store that has to make room."""
    FeatureStore(tmp_path, 'a' * 40).add(NAMES, ROWS)
    return tmp_path


def fill(folder):
    FeatureStore(folder, 'b' * 40, max_bytes=6_000).add(NAMES, ROWS)


@pytest.mark.parametrize('meta', [
    '{"licence": "mine"}', '{"key": "mine"}', '[]', 'no JSON',
    json.dumps(dict(key='c' * 40))])
def test_a_folder_of_the_users_is_never_dropped(full, meta):
    (full / 'mine').mkdir()
    (full / 'mine/meta.json').write_text(meta)
    (full / 'mine/only_copy.npy').write_bytes(b'0' * 100_000)
    fill(full)
    assert len((full / 'mine/only_copy.npy').read_bytes()) == 100_000
    assert not (full / ('a' * 32)).exists()


def test_a_file_of_the_users_in_a_store_outlives_it(full):
    for name in ('notes.json', 'notes.npy', 'notes.txt'):
        (full / ('a' * 32) / name).write_text('mine')
    FeatureStore(full, 'a' * 40)
    fill(full)
    assert sorted(path.name for path in (full / ('a' * 32)).iterdir()) == [
        'notes.json', 'notes.npy', 'notes.txt']


def test_files_of_the_users_do_not_count(full):
    (full / 'data.bin').write_bytes(b'0' * 100_000)
    assert folder_bytes(full) < 6_000


def test_a_store_of_another_key_under_its_name_is_refused(tmp_path):
    FeatureStore(tmp_path, 'a' * 40)
    with pytest.raises(ValueError, match='belongs to another key'):
        FeatureStore(tmp_path, 'a' * 39 + 'b')
