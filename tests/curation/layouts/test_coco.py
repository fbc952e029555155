"""COCO captions are read, their categories too, and faults named."""
from __future__ import annotations

import json

import pytest
from tiny_layouts import (
    SIZE,
    caption,
    class_of,
    rows_of,
    train_once,
    write_pictures,
)

from chtn_plugin.curation.layouts import coco


def write(folder, part='train2017', **changes):
    names = write_pictures(folder / part)
    data = dict(dict(
        images=[dict(id=7 + number, file_name=name)
                for number, name in enumerate(names)],
        annotations=[dict(image_id=7 + number, caption=caption(number, which))
                     for which in range(2) for number in range(SIZE)]),
        **changes)
    (folder / 'annotations').mkdir(exist_ok=True)
    (folder / f'annotations/captions_{part}.json').write_text(
        json.dumps(data))
    return folder


def write_instances(folder, part='train2017'):
    (folder / f'annotations/instances_{part}.json').write_text(json.dumps(
        dict(images=[dict(id=number, file_name=f'{number}.jpg')
                     for number in range(SIZE)],
             categories=[dict(id=10 + number, name='blue green red'.split()
                              [number]) for number in range(3)],
             annotations=[dict(image_id=number, category_id=10 + number % 3)
                          for number in range(SIZE)])))


def test_categories_of_the_instances_are_the_classes_and_train(tmp_path):
    folder = write(tmp_path / 'data')
    write_instances(folder)
    found = train_once(folder, tmp_path / 'work')
    train = found['train'][0]
    number = int(train.image.split('/')[1].split('.')[0])
    assert train.classes == (class_of(number), )
    assert train.texts == (caption(number), caption(number, 1))


def test_splits_are_those_of_the_files(tmp_path):
    write(tmp_path)
    write(tmp_path, 'val2017')
    assert [row.split for row in rows_of(coco, tmp_path)] == [
        'train'] * SIZE + ['val'] * SIZE


def test_one_split_alone_is_none(tmp_path):
    assert {row.split for row in rows_of(coco, write(tmp_path))} == {''}


def test_equal_names_of_two_parts_are_told_apart(tmp_path):
    write(tmp_path)
    write(tmp_path, 'val2017')
    images = {row.image for row in rows_of(coco, tmp_path)}
    assert len(images) == 2 * SIZE and 'val2017/3.jpg' in images


@pytest.mark.parametrize('changes, reason', [
    (dict(annotations=[dict(image_id=99, caption='x')]), r"got 99 in .*json"),
    (dict(annotations=[dict(image_id=7)]), "key 'caption'"),
    (dict(annotations=[dict(image_id=7, caption=3)]), 'a caption .* got 3'),
    (dict(images=[7]), 'built like one')])
def test_broken_file_is_named(tmp_path, changes, reason):
    write(tmp_path, **changes)
    with pytest.raises(ValueError, match=reason) as error:
        rows_of(coco, tmp_path)
    assert 'captions_train2017.json' in str(error.value)


def test_category_that_is_not_listed_is_named(tmp_path):
    write(tmp_path)
    (tmp_path / 'annotations/instances_train2017.json').write_text(json.dumps(
        dict(images=[], categories=[],
             annotations=[dict(image_id=1, category_id=5)])))
    with pytest.raises(ValueError, match='got 5 in .*instances_train2017'):
        rows_of(coco, tmp_path)
