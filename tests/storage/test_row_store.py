"""A full cache deletes its own oldest stores, and nothing else."""
from __future__ import annotations

import json
import multiprocessing
import os
import pickle
from pathlib import Path

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


# Many rows, many processes.


def test_small_batches_become_shards_of_many(tmp_path):
    store = FeatureStore(tmp_path, 'a' * 40)
    with store.adder(rows=4) as adder:
        for number in range(10):
            adder.add([str(number)], np.full((1, 2), number, np.float32))
    assert len(list(store.folder.glob('*.npy'))) == 3
    again = FeatureStore(tmp_path, 'a' * 40)
    assert [float(again[str(k)][0]) for k in range(10)] == list(range(10))


def test_a_row_that_was_added_twice_is_the_later_one(tmp_path):
    store = FeatureStore(tmp_path, 'a' * 40)
    store.add(['a', 'b'], np.array([[1.], [2.]]))
    store.add(['c', 'a', 'd'], np.array([[3.], [4.], [5.]]))
    for each in (store, pickle.loads(pickle.dumps(store)),
                 FeatureStore(tmp_path, 'a' * 40)):
        assert [float(each[name][0]) for name in 'abcd'] == [4, 2, 3, 5]


def test_batches_are_written_by_time_too(tmp_path):
    store = FeatureStore(tmp_path, 'a' * 40)
    adder = store.adder(rows=100, seconds=-1)
    adder.add(['a'], np.zeros((1, 2)))
    assert 'a' in FeatureStore(tmp_path, 'a' * 40)


def test_what_was_computed_before_an_error_is_kept(tmp_path):
    store = FeatureStore(tmp_path, 'a' * 40)
    with pytest.raises(RuntimeError), store.adder() as adder:
        adder.add(['a'], np.zeros((1, 2)))
        raise RuntimeError
    assert 'a' in FeatureStore(tmp_path, 'a' * 40)


def _fill(folder, start):
    store = FeatureStore(folder, 'a' * 40)
    for number in range(start, start + 60):
        store.add([str(number)], np.full((1, 3), number, np.float32))
    os._exit(0)


def test_two_processes_that_fill_one_store_lose_nothing(tmp_path):
    # Half of the rows both add.
    context = multiprocessing.get_context('fork')
    running = [context.Process(target=_fill, args=(tmp_path, start))
               for start in (0, 30)]
    for process in running:
        process.start()
    for process in running:
        process.join()
    assert [process.exitcode for process in running] == [0, 0]
    store = FeatureStore(tmp_path, 'a' * 40)
    assert len(store) == 90
    assert all(float(store[str(k)][1]) == k for k in range(90))
    assert not list(store.folder.glob('.*'))


def test_rows_of_another_process_come_with_a_refresh(tmp_path):
    one, other = (FeatureStore(tmp_path, 'a' * 40) for _ in range(2))
    other.add(['a'], np.zeros((1, 2)))
    assert 'a' not in one
    one.refresh()
    assert 'a' in one


def test_rows_that_are_read_outlive_their_eviction(tmp_path):
    reader = FeatureStore(tmp_path, 'a' * 40)
    reader.add(NAMES, np.arange(1000, dtype=np.float32).reshape(10, 100))
    fill(tmp_path)  # a full cache: the reader's store goes
    assert not reader.folder.exists()
    assert [float(reader[name][1]) for name in NAMES] == [
        100 * number + 1 for number in range(10)]


def test_an_evicted_store_is_begun_anew(tmp_path):
    reader = FeatureStore(tmp_path, 'a' * 40)
    reader.add(NAMES, ROWS)
    fill(tmp_path)
    reader.add(['new'], np.ones((1, 100), np.float32))
    assert float(reader['new'][0]) == 1 and '3' in reader
    assert set(FeatureStore(tmp_path, 'a' * 40)._rows) == {'new'}


def test_a_store_dropped_while_its_folder_is_made_is_begun_anew(
        tmp_path, monkeypatch):
    # mkdir found the folder, and it was gone when that was looked at.
    made, raised = Path.mkdir, []

    def mkdir(path, *args, **options):
        if len(raised) < 2:
            raised.append(path)
            raise FileExistsError(path)
        made(path, *args, **options)

    monkeypatch.setattr(Path, 'mkdir', mkdir)
    FeatureStore(tmp_path, 'a' * 40).add(NAMES, ROWS)
    assert len(raised) == 2
    assert len(FeatureStore(tmp_path, 'a' * 40)) == len(NAMES)


def _evicts(folder, stop):
    while not stop.is_set():
        for key in 'bc':
            FeatureStore(folder, key * 40, max_bytes=6_000).add(NAMES, ROWS)


def test_one_process_evicts_while_another_reads_and_fills(tmp_path):
    context = multiprocessing.get_context('fork')
    stop = context.Event()
    process = context.Process(target=_evicts, args=(tmp_path, stop))
    process.start()
    try:
        for _ in range(60):
            store = FeatureStore(tmp_path, 'a' * 40)
            missing = [name for name in NAMES if name not in store]
            if missing:
                store.add(missing, np.array([[float(name)] * 100
                                             for name in missing]))
            assert all(store[name][5] == float(name) for name in NAMES)
    finally:
        stop.set()
        process.join()
    assert process.exitcode == 0
