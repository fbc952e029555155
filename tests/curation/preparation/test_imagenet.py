"""The source domain: class folders, Tiny ImageNet, lists, inner archives."""
from __future__ import annotations

import tarfile

import pytest
from layouts import picture

from chtn_plugin.curation.preparation.imagenet import (
    class_numbers,
    read_class_folders,
    read_list,
    sample,
)

WNIDS = ('n01440764', 'n01443537', 'n01484850')


def folders(root, split='train', extra='', n=4):
    for number, wnid in enumerate(WNIDS):
        for index in range(n):
            picture(root / split / wnid / extra / f'{wnid}_{index}.JPEG',
                    number * 100 + index)
    return root


def lines(path):
    return path.read_text().splitlines()


def test_class_folders_are_numbered_in_sorted_order(tmp_path, run):
    source = folders(folders(tmp_path / 's'), 'val', n=1)
    run('imagenet', source, tmp_path / 'out')
    assert lines(tmp_path / 'out/list.txt')[::4] == [
        f'train/{wnid}/{wnid}_0.JPEG {number}'
        for number, wnid in enumerate(WNIDS)]
    assert len(lines(tmp_path / 'out/val.txt')) == 3
    assert (tmp_path / f'out/train/{WNIDS[0]}/{WNIDS[0]}_0.JPEG').is_file()


def test_tiny_imagenet_layout(tmp_path, run):
    source = folders(tmp_path / 's/tiny-imagenet-200', extra='images')
    for number in range(len(WNIDS)):
        picture(source / f'val/images/val_{number}.JPEG', number)
    (source / 'val/val_annotations.txt').write_text(''.join(
        f'val_{number}.JPEG\t{wnid}\t0\t0\t62\t62\n'
        for number, wnid in enumerate(WNIDS)))
    run('tiny-imagenet', tmp_path / 's', tmp_path / 'out')
    assert len(lines(tmp_path / 'out/list.txt')) == 12
    assert lines(tmp_path / 'out/val.txt') == [
        f'val/images/val_{number}.JPEG {number}' for number in range(3)]


def test_inner_archives_of_the_original_tar(tmp_path, run):
    source = folders(tmp_path / 's')
    with tarfile.open(tmp_path / 'ILSVRC2012_img_train.tar', 'w') as outer:
        for wnid in WNIDS:
            inner = tmp_path / f'{wnid}.tar'
            with tarfile.open(inner, 'w') as file:
                for path in sorted((source / 'train' / wnid).iterdir()):
                    file.add(path, path.name)
            outer.add(inner, inner.name)
    run('imagenet', tmp_path / 'ILSVRC2012_img_train.tar', tmp_path / 'out')
    assert len(lines(tmp_path / 'out/list.txt')) == 12
    assert (tmp_path / 'out' / lines(tmp_path / 'out/list.txt')[0].split()[
        0]).is_file()


def test_synset_file_gives_ilsvrc_numbers(tmp_path):
    synsets = tmp_path / 'synset_words.txt'
    synsets.write_text('n00000001 x\nn01443537 goldfish\nn01440764 tench\n')
    assert class_numbers(WNIDS[:2], synsets) == {'n01440764': 2,
                                                 'n01443537': 1}
    with pytest.raises(ValueError, match='n01484850'):
        class_numbers(WNIDS, synsets)


def test_numbers_stay_numbers():
    assert class_numbers(['7', '3']) == {'3': 3, '7': 7}


def test_draw_is_seeded_and_keeps_order():
    items = [(f'{i:03}', str(i % 3)) for i in range(90)]
    drawn = sample(items, 5, None, 0)
    assert len(drawn) == 15 and drawn == sorted(drawn)
    assert drawn == sample(items, 5, None, 0) != sample(items, 5, None, 1)
    assert len(sample(items, 5, 7, 0)) == 7


def test_table_and_plain_lists(tmp_path):
    table, plain = tmp_path / 'l.tsv', tmp_path / 'l.txt'
    table.write_text('wnid\tclass_index\timage\nn1\t4\ta b.jpg\n')
    plain.write_text('a b.jpg 4\n')
    assert read_list(table, tmp_path) == read_list(plain, tmp_path) == [
        ('a b.jpg', '4')]


def test_broken_lists_are_named(tmp_path):
    path = tmp_path / 'l.txt'
    path.write_text('x.jpg 1\nlonely\n')
    with pytest.raises(ValueError, match='l.txt:2'):
        read_list(path, tmp_path)


def test_listed_image_that_is_missing_is_named(tmp_path, run):
    source = folders(tmp_path / 's')
    (source / 'l.txt').write_text('train/no.jpg 0\n')
    with pytest.raises(FileNotFoundError, match=r'train/no\.jpg'):
        run('imagenet', source, tmp_path / 'out', '--list', 'l.txt')


def test_copy_records_every_hash(tmp_path, run):
    run('imagenet', folders(tmp_path / 's'), tmp_path / 'out', '--copy',
        '--per-class', '2')
    assert len(lines(tmp_path / 'out/SHA256SUMS')) == 6 + 2


def test_classes_directly_in_the_root(tmp_path):
    folders(tmp_path, split='')
    assert len(read_class_folders(tmp_path, 'train')) == 12


def test_empty_folder_says_what_is_needed(tmp_path, run):
    (tmp_path / 's').mkdir()
    with pytest.raises(FileNotFoundError, match='class folders'):
        run('imagenet', tmp_path / 's', tmp_path / 'out')
