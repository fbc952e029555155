"""Joining .npz files row behind row."""
from __future__ import annotations

import numpy as np
import pytest

from chtn_plugin.storage import npz_parts
from chtn_plugin.storage.npz_parts import join_parts


def write(folder, *parts):
    paths = []
    for number, arrays in enumerate(parts):
        paths.append(folder / f'{number}.npz')
        np.savez(paths[-1], **arrays)
    return paths


def joined(tmp_path, *parts, **options):
    join_parts(write(tmp_path, *parts), tmp_path / 'out.npz',
               options.pop('once', {}), **options)
    with np.load(tmp_path / 'out.npz') as arrays:
        return dict(arrays)


def test_rows_stand_behind_one_another(tmp_path):
    found = joined(tmp_path, dict(x=np.eye(2), n=[1, 2]),
                   dict(x=np.full((1, 2), 7.), n=[3]))
    assert found['x'].tolist() == [[1, 0], [0, 1], [7, 7]]
    assert found['n'].tolist() == [1, 2, 3]


@pytest.mark.parametrize('held', [8, 16, 1 << 20])
def test_ends_of_rows_are_counted_on(tmp_path, monkeypatch, held):
    # Rows of 1, 2 and no numbers; none at all; rows of 3 and 1.
    monkeypatch.setattr(npz_parts, '_HELD', held)
    found = joined(tmp_path, dict(x_indptr=[0, 1, 3, 3]), dict(x_indptr=[0]),
                   dict(x_indptr=[0, 3, 4]),
                   is_ends=lambda name: name.endswith('_indptr'))
    assert found['x_indptr'].tolist() == [0, 1, 3, 3, 6, 7]


def test_array_may_be_missing_in_a_part(tmp_path):
    found = joined(tmp_path, dict(a=[1]), dict(b=[2]), dict(a=[3], b=[4]))
    assert found['a'].tolist() == [1, 3] and found['b'].tolist() == [2, 4]


@pytest.mark.parametrize('one, other, dtype', [
    (['a', 'bcd'], ['éé'], '<U3'),
    (np.zeros(1, np.uint8), np.full(1, np.nan, np.float32), '<f4')])
def test_kinds_get_one_that_holds_both(tmp_path, one, other, dtype):
    found = joined(tmp_path, dict(x=one), dict(x=other))['x']
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, [*one, *other])


def test_more_rows_than_are_held_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(npz_parts, '_HELD', 50)
    rows = np.arange(60.).reshape(20, 3)
    assert np.array_equal(joined(tmp_path, dict(x=rows[:13]),
                                 dict(x=rows[13:]))['x'], rows)


def test_what_stands_once_replaces_the_parts_own(tmp_path):
    found = joined(tmp_path, dict(x=[1], meta='a', names=['p']),
                   dict(x=[2], meta='b', names=['p']),
                   once=dict(meta=np.array('c'), names=np.array(['p'])))
    assert str(found['meta']) == 'c' and found['names'].tolist() == ['p']


def test_arrays_may_be_left_out_by_size(tmp_path):
    found = joined(tmp_path, dict(x=np.zeros(2), y=np.zeros(9)),
                   leave=lambda name, size: size == 72)
    assert set(found) == {'x'}


def test_rows_of_two_sizes_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r'x has \(2,\) in .*0\.npz and '
                       r'\(3,\) in .*1\.npz'):
        joined(tmp_path, dict(x=np.eye(2)), dict(x=np.eye(3)))
    assert not (tmp_path / 'out.npz').exists()


def test_cut_part_is_named(tmp_path):
    paths = write(tmp_path, dict(x=np.eye(2)), dict(x=np.eye(2)))
    paths[1].write_bytes(paths[1].read_bytes()[:100])
    with pytest.raises(ValueError, match=r'whole \.npz file: .*1\.npz'):
        join_parts(paths, tmp_path / 'out.npz', {})


def test_python_objects_are_refused(tmp_path):
    path = tmp_path / '0.npz'
    np.savez(path, x=np.array([{}], object))
    with pytest.raises(ValueError, match='of plain types'):
        join_parts([path], tmp_path / 'out.npz', {})
