"""Arrays that are made of a file once, in a cache folder of ours."""
from __future__ import annotations

import multiprocessing
import os
import time

import numpy as np
import pytest

from chtn_plugin.storage import side_files
from chtn_plugin.storage.side_files import (
    HeldArrays,
    SideArrays,
    cache_root,
    side_key,
)


@pytest.fixture
def source(tmp_path):
    path = tmp_path / 'source.tsv'
    path.write_text('abc')
    return path


def side(source, **options):
    return SideArrays(side_key(source, dict(x=1)), source,
                      source.parent / 'side', **options)


def fill(one, numbers=(1, 2, 3)):
    with one.writer() as writer:
        writer.append('a', np.array(numbers[:1]))
        writer.append('a', np.array(numbers[1:]))
        return writer.finish(dict(fact='f'))


def test_arrays_come_back_mapped_with_their_facts(source):
    assert side(source).read() is None
    fill(side(source))
    arrays, facts = side(source).read()
    assert arrays['a'].tolist() == [1, 2, 3] and facts == dict(fact='f')
    with pytest.raises(ValueError, match='read-only'):
        arrays['a'][0] = 7


def test_an_array_may_be_empty(source):
    with side(source).writer() as writer:
        writer.append('a', np.zeros(0, np.int32))
        arrays, _ = writer.finish({})
    assert arrays['a'].dtype == np.int32 and len(arrays['a']) == 0


def test_key_is_another_once_the_file_or_the_purpose_is(source):
    key = side_key(source, dict(x=1))
    assert key == side_key(source, dict(x=1)) != side_key(source, dict(x=2))
    source.write_text('abd')
    assert side_key(source, dict(x=1)) != key


def test_what_an_error_interrupts_leaves_nothing(source):
    with pytest.raises(RuntimeError), side(source).writer() as writer:
        writer.append('a', np.zeros(3))
        raise RuntimeError
    assert list((source.parent / 'side').iterdir()) == []


def test_a_cut_array_is_not_read_but_written_anew(source):
    fill(side(source))
    file = side(source).folder / 'a.column'
    file.write_bytes(file.read_bytes()[:-1])
    assert side(source).read() is None
    assert fill(side(source))[0]['a'].tolist() == [1, 2, 3]


def test_of_two_writers_the_first_one_s_files_stay(source):
    with side(source).writer() as one, side(source).writer() as other:
        for writer, value in ((one, 1), (other, 2)):
            writer.append('a', np.array([value]))
        assert one.finish({})[0]['a'].tolist() == [1]
        assert other.finish({})[0]['a'].tolist() == [1]
    assert len(list((source.parent / 'side').iterdir())) == 1


def test_mapped_arrays_outlive_their_files(source):
    # As when another process sweeps while this one reads.
    arrays, _ = fill(side(source))
    side_files.drop(side(source).folder)
    assert arrays['a'].tolist() == [1, 2, 3]
    assert side(source).read() is None


def test_sweep_drops_what_a_changed_file_left(source):
    fill(side(source))
    old = side(source).folder
    source.write_text('abcd')
    fill(side(source))
    assert not old.exists() and side(source).read() is not None


def test_sweep_keeps_to_the_limit_and_drops_the_longest_unused(tmp_path):
    sources = []
    for number in range(3):
        path = tmp_path / f'{number}.tsv'
        path.write_text(str(number))
        sources.append(path)
        fill(side(path))
        os.utime(side(path).folder / 'meta.json', (number, number))
    assert side(sources[0]).read() is not None  # used now
    bytes_each = sum(f.stat().st_size
                     for f in side(sources[0]).folder.iterdir())
    side(sources[0], max_bytes=2 * bytes_each + 9).sweep()
    assert [side(path).read() is not None for path in sources] == [
        True, False, True]


def test_sweep_leaves_what_is_not_ours(source):
    folder = source.parent / 'side' / 'mine'
    folder.mkdir(parents=True)
    (folder / 'meta.json').write_text('{"key": "other"}')
    (folder / 'a.column').write_text('x')
    side(source, max_bytes=0).sweep()
    assert len(list(folder.iterdir())) == 2


def _killed(source):
    with side(source).writer() as writer:
        writer.append('a', np.zeros(3))
        time.sleep(0.01)
        os._exit(9)


def test_sweep_drops_what_a_killed_process_left_half_written(source):
    process = multiprocessing.get_context('fork').Process(
        target=_killed, args=(source, ))
    process.start()
    process.join()
    left = list((source.parent / 'side').iterdir())
    assert len(left) == 1 and left[0].name.startswith('.')
    fill(side(source))
    assert [path.name for path in (source.parent / 'side').iterdir()] == [
        side(source).key]


def test_cache_folder_is_the_user_s_unless_named(monkeypatch, tmp_path):
    monkeypatch.setenv('CHTN_CACHE', str(tmp_path / 'x'))
    assert cache_root() == tmp_path / 'x'
    monkeypatch.delenv('CHTN_CACHE')
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    assert cache_root() == tmp_path / 'chtn_plugin'


def test_held_arrays_have_a_limit():
    held = HeldArrays(max_bytes=20, what='rows of x.tsv')
    held.append('a', np.zeros(2))
    with pytest.raises(ValueError, match=r'rows of x\.tsv must take at most '
                       r'.*: set CHTN_CACHE'):
        held.append('a', np.zeros(1))
