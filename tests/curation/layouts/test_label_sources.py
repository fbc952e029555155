"""Classes from folders, file names, files, or nowhere."""
from __future__ import annotations

import json
from collections import Counter

import pytest

from chtn_plugin.curation.layouts.label_sources import relabelled
from chtn_plugin.curation.layouts.layout import Reading
from chtn_plugin.curation.own_data import make_manifest
from chtn_plugin.curation.own_pairs import Options, read_pairs
from chtn_plugin.curation.own_tables import Row
from chtn_plugin.datasets.manifest import read_manifest


def labels(source, *images, folder=None):
    rows = [Row(image, ('x', ), ('old', ), '', '') for image in images]
    return [row.classes for row in relabelled(rows, source, folder,
                                              Reading())]


def test_folder_of_the_picture():
    assert labels('folder', 'a/b/1.jpg', '2.jpg') == [('b', ), ()]


@pytest.mark.parametrize('pattern, found', [
    (r'^([a-z]+)_', [('cat', ), ()]), (r'\d', [('1', ), ('2', )])])
def test_pattern_of_the_file_name(pattern, found):
    assert labels(f'name:{pattern}', '9/cat_1.jpg', '9/2.jpg') == found


def test_none_has_none():
    assert labels('none', 'a/1.jpg') == [()]


def test_pairs_without_classes_are_split_and_told(tmp_path):
    (tmp_path / 't.csv').write_text('image,text\n' + ''.join(
        f',word{k}\n' for k in range(20)))
    said = []
    records = make_manifest(tmp_path, Options(label_from='none'), None,
                            said.append)
    assert Counter(record.split for record in records) == {
        'train': 16, 'val': 2, 'test': 2}
    assert any('no row has a class: pairs alone' in line for line in said)
    assert read_manifest(tmp_path / 'manifest.tsv')[0].classes == ()


def test_configuration_without_classes_is_refused(tmp_path):
    (tmp_path / 't.csv').write_text('image,text\n,x\n')
    with pytest.raises(ValueError, match='no row has any: --no-config'):
        make_manifest(tmp_path, Options(label_from='none'),
                      tmp_path / 'own.py')


def test_table_of_labels_by_path_and_by_name(tmp_path):
    (tmp_path / 'l.csv').write_text('image,label\n1.jpg,a\nx/2.jpg,b;c\n'
                                    '1.jpg,d\n')
    assert labels('file:l.csv', 'p/1.jpg', 'x/2.jpg', '3.jpg',
                  folder=tmp_path) == [('a', 'd'), ('b', 'c'), ()]


def test_name_that_stands_for_two_pictures_is_refused(tmp_path):
    (tmp_path / 'l.csv').write_text('image,label\nx/1.jpg,a\ny/1.jpg,b\n')
    with pytest.raises(ValueError, match=r"which 'z/1\.jpg' it means"):
        labels('file:l.csv', 'z/1.jpg', folder=tmp_path)


def test_categories_of_coco(tmp_path):
    (tmp_path / 'i.json').write_text(json.dumps(dict(
        images=[dict(id=1, file_name='1.jpg')],
        categories=[dict(id=5, name='dog'), dict(id=6, name='cat')],
        annotations=[dict(image_id=1, category_id=5),
                     dict(image_id=1, category_id=6)])))
    assert labels('file:i.json', 'p/1.jpg', folder=tmp_path) == [
        ('cat', 'dog')]


@pytest.mark.parametrize('source, reason', [
    ('folders', "one of folder, none, .*got 'folders'"),
    ('folder:x', "got 'folder:x'"), ('name:', "got 'name:'"),
    ('column', "got 'column'"), ('name:(', r"expression, got '\('")])
def test_source_that_is_none_is_refused(source, reason):
    with pytest.raises(ValueError, match=reason):
        labels(source, '1.jpg')


def test_file_that_is_lacking_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'no such file: .*l\.csv'):
        labels('file:l.csv', '1.jpg', folder=tmp_path)


def test_rows_without_any_class_are_told_where_they_can_come_from(tmp_path):
    (tmp_path / 't.csv').write_text('image,text\n,x\n')
    with pytest.raises(ValueError, match=r't\.csv:2 has none.*--label-from, '
                       'one of folder, none, column:NAME'):
        read_pairs(tmp_path, Options(label_from='folder'))
