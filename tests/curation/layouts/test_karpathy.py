"""Karpathy's splits are read as the literature uses them."""
from __future__ import annotations

import json

import pytest
from tiny_layouts import caption, class_of, rows_of, train_once, write_pictures

from chtn_plugin.curation.layouts import karpathy


def write(folder, splits, **more):
    names = write_pictures(folder / 'images', '{}.jpg')
    images = [dict(dict(filename=name, split=split, sentences=[
        dict(raw=caption(number, which)) for which in range(2)]), **more)
        for number, (name, split) in enumerate(
            zip(names, splits, strict=True))]
    (folder / 'dataset_flickr8k.json').write_text(json.dumps(
        dict(dataset='flickr8k', images=images)))
    return folder


def test_splits_are_the_files_and_train(tmp_path):
    folder = write(tmp_path / 'data',
                   ['train'] * 6 + ['val'] * 3 + ['test'] * 3)
    (folder / 'kinds.csv').write_text('image,label\n' + ''.join(
        f'{number}.jpg,{class_of(number)}\n' for number in range(12)))
    found = train_once(folder, tmp_path / 'work', layout='karpathy',
                       label_from='file:kinds.csv')
    assert {split: len(rows) for split, rows in found.items()} == {
        'train': 6, 'val': 3, 'test': 3}
    assert found['test'][0].texts == (caption(9), caption(9, 1))
    assert found['test'][0].classes == (class_of(9), )


def test_restval_is_training(tmp_path):
    write(tmp_path, ['restval'] * 11 + ['test'])
    assert [row.split for row in rows_of(karpathy, tmp_path)] == [
        'train'] * 11 + ['test']


def test_other_split_is_named(tmp_path):
    write(tmp_path, ['train'] * 11 + ['more'])
    with pytest.raises(ValueError, match="got 'more' at .*: image 11"):
        rows_of(karpathy, tmp_path)


def test_filepath_tells_equal_names_apart(tmp_path):
    write(tmp_path, ['train'] * 12, filepath='val2014')
    write_pictures(tmp_path / 'val2014')
    write_pictures(tmp_path / 'train2014')
    assert rows_of(karpathy, tmp_path)[0].image == 'val2014/0.jpg'


def test_entry_without_sentences_is_named(tmp_path):
    (tmp_path / 'dataset_x.json').write_text(
        '{"images": [{"filename": "1.jpg"}], "about": "sentences", '
        '"sentences": 1}')
    with pytest.raises(ValueError, match="key 'sentences'.*dataset_x.json"):
        rows_of(karpathy, tmp_path)
