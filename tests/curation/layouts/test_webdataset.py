"""WebDataset's shards."""
from __future__ import annotations

import gzip
import io
import tarfile

import pytest
import torch
from tiny_layouts import (
    SIZE,
    caption,
    class_of,
    rows_of,
    train_once,
    write_pictures,
)
from torch.utils.data import DataLoader

from chtn_plugin.curation.layouts import webdataset
from chtn_plugin.curation.own_data import make_manifest
from chtn_plugin.curation.own_pairs import Options
from chtn_plugin.datasets import (
    CrossModalDataset,
    PassSampler,
    cross_modal_collate,
)
from chtn_plugin.storage.shards import file_bytes


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


def test_shards_are_read_where_they_lie_and_train(tmp_path):
    folder = tmp_path / 'data'
    write(folder / '00000.tar', tmp_path / 'a', range(6))
    write(folder / '00001.tar', tmp_path / 'b', range(6, 12))
    before = {path.name for path in folder.iterdir()}
    found = train_once(folder, tmp_path / 'work', in_place=True)
    rows = sorted((row for several in found.values() for row in several),
                  key=lambda row: row.image)
    assert [row.texts for row in rows] == [
        (caption(number), ) for number in range(SIZE)]
    assert rows[7].image == '00001.tar/00007.jpg'
    assert rows[7].where == str(folder / '00001.tar/00007.jpg')
    assert {path.name for path in folder.iterdir()} - before == {
        'manifest.tsv', 'manifest.tsv.sha256'}


def test_items_of_a_shard_are_those_of_its_files(tmp_path):
    write(tmp_path / '00000.tar', tmp_path / 'a')
    unpacked, in_place = (rows_of(webdataset, tmp_path, in_place=where)
                          for where in (False, True))
    assert [(row.texts, row.classes) for row in in_place] == [
        (row.texts, row.classes) for row in unpacked]
    assert [file_bytes(tmp_path / row.image) for row in in_place] == [
        file_bytes(tmp_path / row.image) for row in unpacked]


def test_workers_of_a_shuffled_pass_read_one_shard(tmp_path):
    folder = tmp_path / 'data'
    write(folder / '00000.tar', tmp_path / 'a')
    make_manifest(folder, Options(in_place=True, fractions=(1, 0, 0)), None,
                  lambda line: None)
    data = CrossModalDataset(
        'manifest.tsv', dict(type='BagOfWords'), [dict(type='LoadRGBImage')],
        str(folder))
    found = {workers: [batch['inputs']['image'] for batch in DataLoader(
        data, 5, sampler=PassSampler(data, seed=3), num_workers=workers,
        collate_fn=cross_modal_collate)] for workers in (0, 2)}
    assert sum(map(len, found[0])) == SIZE
    assert all(map(torch.equal, found[0], found[2]))


def test_shard_in_place_that_is_cut_is_named(tmp_path):
    path = write(tmp_path / '00000.tar', tmp_path / 'a')
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(ValueError, match=r'must be whole: .*00000\.tar'):
        rows_of(webdataset, tmp_path, in_place=True)


def test_broken_text_in_a_shard_is_named_by_shard_and_member(tmp_path):
    path = tmp_path / '00000.tar'
    with tarfile.open(path, 'w') as shard:
        for name, content in (('1.jpg', b'x'), ('1.json', b'{')):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            shard.addfile(member, io.BytesIO(content))
    with pytest.raises(ValueError, match=r'00000\.tar/1\.json'):
        rows_of(webdataset, tmp_path, in_place=True)


def test_compressed_shard_cannot_stay_in_place(tmp_path):
    path = write(tmp_path / '00000.tar', tmp_path / 'a')
    (tmp_path / '00000.tar.gz').write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    with pytest.raises(ValueError, match='must not be compressed'):
        rows_of(webdataset, tmp_path, in_place=True)
