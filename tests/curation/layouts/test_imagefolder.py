"""Hugging Face's ImageFolder, in one folder and by split."""
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

from chtn_plugin.curation.layouts import imagefolder


def write(folder, numbers=range(SIZE), column='file_name', jsonl=False):
    write_pictures(folder)
    rows = [{column: f'{number}.jpg', 'text': caption(number),
             'label': class_of(number)} for number in numbers]
    if jsonl:
        (folder / 'metadata.jsonl').write_text(
            '\n'.join(map(json.dumps, rows)))
    else:
        (folder / 'metadata.csv').write_text('\n'.join(
            map(','.join, [list(rows[0]), *(row.values() for row in rows)])))
    return folder


@pytest.mark.parametrize('jsonl', [False, True])
def test_table_beside_the_pictures_is_read_and_trains(tmp_path, jsonl):
    write(tmp_path / 'data', jsonl=jsonl)
    found = train_once(tmp_path / 'data', tmp_path / 'work')
    assert sum(map(len, found.values())) == SIZE


def test_splits_have_tables_of_their_own(tmp_path):
    write(tmp_path / 'train', range(8))
    write(tmp_path / 'validation', range(8, 10))
    write(tmp_path / 'test', range(10, 12))
    rows = rows_of(imagefolder, tmp_path)
    assert [(row.image, row.split) for row in rows if row.split != 'train'
            ] == [('test/10.jpg', 'test'), ('test/11.jpg', 'test'),
                  ('validation/8.jpg', 'val'), ('validation/9.jpg', 'val')]


def test_train_alone_is_no_split(tmp_path):
    write(tmp_path / 'train')
    assert {(row.image.split('/')[0], row.split)
            for row in rows_of(imagefolder, tmp_path)} == {('train', '')}


def test_column_that_ends_in_file_name_is_the_pictures(tmp_path):
    write(tmp_path, column='photo_file_name')
    assert rows_of(imagefolder, tmp_path)[3].image == '3.jpg'


def test_table_without_pictures_is_named(tmp_path):
    write(tmp_path, column='thing')
    with pytest.raises(ValueError, match=r"file_name: .*metadata.csv has "
                       r"\['thing', 'text', 'label'\]"):
        rows_of(imagefolder, tmp_path)
