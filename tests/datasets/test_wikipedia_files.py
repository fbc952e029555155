"""The original lists, row by row."""
from __future__ import annotations

import pytest

from chtn_plugin.datasets.wikipedia_files import list_rows, read_wikipedia


@pytest.fixture
def root(tmp_path):
    """One pair to train on and one to test, of the classes art and music."""
    (tmp_path / 'trainset_txt_img_cat.list').write_text('t0\ti0\t1\n')
    (tmp_path / 'testset_txt_img_cat.list').write_text('t1\ti1\t7\n')
    for label, number in (('art', 0), ('music', 1)):
        (tmp_path / 'images' / label).mkdir(parents=True)
        (tmp_path / 'images' / label / f'i{number}.jpg').touch()
        (tmp_path / 'texts').mkdir(exist_ok=True)
        (tmp_path / 'texts' / f't{number}.xml').write_text(
            f'<doc><text>words of {label}</text></doc>')
    return tmp_path


def test_pairs_have_their_class_and_article(root):
    train, test = read_wikipedia(root, val_fraction=0)
    assert (train.split, train.classes, train.image, train.texts) == (
        'train', ('art', ), 'images/art/i0.jpg', ('words of art', ))
    assert (test.split, test.classes) == ('test', ('music', ))


def test_rows_know_where_they_stand(root):
    path = root / 'trainset_txt_img_cat.list'
    assert list_rows(path) == [('t0', 'i0', 1, f'{path}:1')]


def test_a_stray_letter_before_the_first_id_is_passed_over(tmp_path):
    name = 'c' * 32 + '-1'
    (tmp_path / 'l').write_text(f'A{name} i 1\nA{name} i 1\n')
    assert [row[0] for row in list_rows(tmp_path / 'l')] == [name, f'A{name}']


@pytest.mark.parametrize('line, reason', [
    ('t0 i0', 'a row must hold text id, image id and class'),
    ('t0 i0 art', 'a row must hold'), ('../t i0 1', 'plain file name'),
    ('t0 i0 11', 'a class number must lie in 1 to 10, got 11')])
def test_broken_rows_are_named(root, line, reason):
    (root / 'trainset_txt_img_cat.list').write_text(line)
    with pytest.raises(ValueError, match=reason):
        read_wikipedia(root)


def test_missing_files_are_counted_and_named_or_left_out(root):
    (root / 'images/art/i0.jpg').unlink()
    with pytest.raises(FileNotFoundError, match='1 files of the 2 listed '
                       'pairs are missing, the first: images/art/i0.jpg'):
        read_wikipedia(root)
    assert len(read_wikipedia(root, 0, allow_missing=True)) == 1


def test_other_sets_name_their_classes(root):
    (root / 'categories.list').write_text('art b c d e f music')
    (root / 'images/music').rename(root / 'images/other')
    (root / 'images/i1.jpg').touch()  # a picture may lie beside the folders
    assert [(pair.classes, pair.image) for pair in read_wikipedia(
        root, val_fraction=0)] == [(('art', ), 'images/art/i0.jpg'),
                                   (('music', ), 'images/i1.jpg')]
