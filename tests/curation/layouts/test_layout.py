"""What several layouts share."""
from __future__ import annotations

import pytest

from chtn_plugin.curation.layouts.layout import (
    PictureFinder,
    expected_shape,
    split_in_name,
)


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


@pytest.mark.parametrize('name, split', [
    ('train2017', 'train'), ('cc3m-val-0001', 'val'), ('00000', ''),
    ('trains', ''), ('train_test', ''), ('Testing', 'test')])
def test_split_in_a_name(name, split):
    assert split_in_name(name) == split


def test_picture_is_found_as_written_below_and_anywhere(tmp_path):
    for name in ('a/1.jpg', 'b/1.jpg', 'c/d/2.jpg'):
        touch(tmp_path / name)
    pictures = PictureFinder(tmp_path)
    assert pictures.path('a/1.jpg') == 'a/1.jpg'
    assert pictures.path('1.jpg', ['b']) == 'b/1.jpg'
    assert pictures.path('2.jpg') == 'c/d/2.jpg'
    assert pictures.path('3.jpg') == '3.jpg'


def test_picture_of_two_folders_is_refused(tmp_path):
    touch(tmp_path / 'a/1.jpg')
    touch(tmp_path / 'b/1.jpg')
    with pytest.raises(ValueError, match=r"'1\.jpg' is a/1\.jpg and b/1"):
        PictureFinder(tmp_path).path('1.jpg')


@pytest.mark.parametrize('read', [lambda data: data['x'],
                                  lambda data: data.get('y').z])
def test_other_shape_is_named(tmp_path, read):
    with pytest.raises(ValueError, match=r'a list must .*t\.json'):
        with expected_shape(tmp_path / 't.json', 'a list'):
            read({})
