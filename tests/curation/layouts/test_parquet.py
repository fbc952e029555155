"""Parquet files with pictures inside."""
from __future__ import annotations

import pytest
from tiny_layouts import (
    SIZE,
    caption,
    class_of,
    rows_of,
    train_once,
    write_pictures,
)

from chtn_plugin.curation.layouts import parquet

pyarrow = pytest.importorskip('pyarrow')


def write(path, source, numbers=range(SIZE)):
    from pyarrow import parquet as writer
    names = write_pictures(source)
    path.parent.mkdir(parents=True, exist_ok=True)
    writer.write_table(pyarrow.table(dict(
        image=[dict(bytes=(source / names[number]).read_bytes(), path=None)
               for number in numbers],
        caption=[caption(number) for number in numbers],
        label=[class_of(number) for number in numbers])), path)
    return path


def test_pictures_inside_train(tmp_path):
    folder = tmp_path / 'data'
    write(folder / 'data/train-00000-of-00001.parquet', tmp_path / 'a')
    found = train_once(folder, tmp_path / 'work')
    row = found['train'][0]
    assert sum(map(len, found.values())) == SIZE
    assert row.image.startswith('unpacked/')
    assert row.classes[0] in row.texts[0]


def test_file_names_tell_the_splits(tmp_path):
    write(tmp_path / 'train-00000-of-00001.parquet', tmp_path / 'a', range(3))
    write(tmp_path / 'test-00000-of-00001.parquet', tmp_path / 'b',
          range(3, 5))
    assert sorted(row.split for row in rows_of(parquet, tmp_path)) == [
        'test'] * 2 + ['train'] * 3


def test_file_that_is_cut_is_named(tmp_path):
    path = write(tmp_path / 'x.parquet', tmp_path / 'a')
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match=r'x\.parquet is not'):
        rows_of(parquet, tmp_path)


def test_pyarrow_that_is_lacking_is_named(tmp_path, monkeypatch):
    import sys
    (tmp_path / 'x.parquet').write_bytes(b'')
    monkeypatch.setitem(sys.modules, 'pyarrow', None)
    with pytest.raises(ImportError, match=r'pip install -e \.\[parquet\]'):
        rows_of(parquet, tmp_path)


def test_pictures_stay_inside_and_train(tmp_path):
    folder = tmp_path / 'data'
    write(folder / 'data/train-00000-of-00001.parquet', tmp_path / 'a')
    found = train_once(folder, tmp_path / 'work', in_place=True)
    names = {row.image for rows in found.values() for row in rows}
    assert names == {f'data/train-00000-of-00001.parquet/image/{number}'
                     for number in range(SIZE)}
    assert not (folder / 'unpacked').exists()
