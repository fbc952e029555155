"""WebDataset's shards."""
from __future__ import annotations

import io
import tarfile

import pytest
from tiny_layouts import (
    SIZE,
    caption,
    class_of,
    rows_of,
    train_once,
    write_pictures,
)

from chtn_plugin.curation.layouts import webdataset


def write(path, source, numbers=range(SIZE)):
    names = write_pictures(source)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, 'w') as shard:
        for number in numbers:
            for kind, content in (
                    ('jpg', (source / names[number]).read_bytes()),
                    ('txt', caption(number).encode()),
                    ('cls', class_of(number).encode())):
                member = tarfile.TarInfo(f'{number:05}.{kind}')
                member.size = len(content)
                shard.addfile(member, io.BytesIO(content))
    return path


def test_shards_are_unpacked_beside_them_and_train(tmp_path):
    folder = tmp_path / 'data'
    write(folder / '00000.tar', tmp_path / 'a', range(6))
    write(folder / '00001.tar', tmp_path / 'b', range(6, 12))
    found = train_once(folder, tmp_path / 'work')
    rows = sorted((row for several in found.values() for row in several),
                  key=lambda row: row.image)
    assert [row.texts for row in rows] == [
        (caption(number), ) for number in range(SIZE)]
    assert rows[7].image == 'unpacked/00001/00007.jpg'
    # A second look takes what is unpacked, and finds no other layout.
    assert len(rows_of(webdataset, folder)) == SIZE


def test_names_of_shards_tell_the_splits(tmp_path):
    write(tmp_path / 'cc-train-0000.tar', tmp_path / 'a', range(3))
    write(tmp_path / 'cc-val-0000.tar', tmp_path / 'b', range(3, 5))
    assert [row.split for row in rows_of(webdataset, tmp_path)] == [
        'train'] * 3 + ['val'] * 2


def test_shard_that_is_cut_is_named(tmp_path):
    path = write(tmp_path / '00000.tar', tmp_path / 'a')
    path.write_bytes(path.read_bytes()[:5000])
    assert webdataset.recognises(tmp_path)
    with pytest.raises(ValueError, match=r'00000\.tar is damaged'):
        rows_of(webdataset, tmp_path)


def test_archive_of_pictures_alone_is_no_shard(tmp_path):
    names = write_pictures(tmp_path / 'a')
    with tarfile.open(tmp_path / 'images.tar', 'w') as archive:
        for name in names:
            archive.add(tmp_path / 'a' / name, name)
    assert webdataset.recognises(tmp_path) is None
