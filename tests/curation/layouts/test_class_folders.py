"""Folders are classes, unless they hold everything."""
from __future__ import annotations

import pytest
from tiny_layouts import (
    caption,
    class_of,
    train_once,
    write_pictures,
)

from chtn_plugin.curation.layouts import class_folders


def test_class_folders_train(tmp_path):
    folder = tmp_path / 'data'
    for number, name in enumerate(write_pictures(tmp_path / 'all')):
        place = folder / class_of(number)
        place.mkdir(parents=True, exist_ok=True)
        (tmp_path / 'all' / name).rename(place / name)
        (place / name).with_suffix('.txt').write_text(caption(number))
    assert sum(map(len, train_once(folder, tmp_path / 'work').values())) == 12


@pytest.mark.parametrize('names', [
    ['train2017'], ['train2017', 'val2017'], ['00000'], ['flickr30k_images'],
    ['Images'], ['train', 'test']])
def test_folder_of_everything_is_no_class(tmp_path, names):
    for name in names:
        write_pictures(tmp_path / name)
    assert class_folders.recognises(tmp_path) is None
    assert names[0] in class_folders.no_class(tmp_path)


@pytest.mark.parametrize('names', [
    ['cats'], ['0001', '0002'], ['train', 'car'], ['images/cats']])
def test_folder_of_a_kind_is_a_class(tmp_path, names):
    for name in names:
        write_pictures(tmp_path / name)
    assert class_folders.recognises(tmp_path)


def test_folders_of_splits_hold_classes(tmp_path):
    write_pictures(tmp_path / 'train/cats')
    assert class_folders.recognises(tmp_path)
