"""open_clip's lists of paths and titles."""
from __future__ import annotations

from pathlib import Path

import pytest
from tiny_layouts import (
    SIZE,
    caption,
    class_of,
    rows_of,
    train_once,
    write_pictures,
)

from chtn_plugin.curation.layouts import open_clip


def write(path: Path, mark=',', numbers=range(SIZE)):
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'filepath{mark}title\n' + ''.join(
        f'images/{class_of(number)}/{number}.jpg{mark}{caption(number)}\n'
        for number in numbers))


def test_folders_of_the_pictures_can_be_the_classes_and_train(tmp_path):
    folder = tmp_path / 'data'
    for number, name in enumerate(write_pictures(folder / 'all')):
        place = folder / 'images' / class_of(number)
        place.mkdir(parents=True, exist_ok=True)
        (folder / 'all' / name).rename(place / name)
    write(folder / 'train.csv')
    found = train_once(folder, tmp_path / 'work', label_from='folder')
    assert all(row.classes[0] in row.texts[0]
               for rows in found.values() for row in rows)


@pytest.mark.parametrize('name, mark', [
    ('train.csv', '\t'), ('train.tsv', '\t'), ('train.csv', ';')])
def test_any_delimiter_is_read(tmp_path, name, mark):
    write(tmp_path / name, mark)
    assert open_clip.recognises(tmp_path)
    assert rows_of(open_clip, tmp_path)[4].texts == (caption(4), )


def test_several_lists_name_their_splits(tmp_path):
    write(tmp_path / 'train.csv', numbers=range(3))
    write(tmp_path / 'val.csv', numbers=range(3, 5))
    assert sorted(row.split for row in rows_of(open_clip, tmp_path)) == [
        'train'] * 3 + ['val'] * 2
