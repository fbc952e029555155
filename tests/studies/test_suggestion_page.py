"""Suggestions as a page, a table and a CSV that goes back in."""
from __future__ import annotations

import csv

import pytest
from tiny_data import write_picture

from chtn_plugin.studies.suggestion_page import (
    Suggestion,
    gain_rows,
    read_labels_csv,
    suggestions_page,
    write_labels_csv,
)

ROWS = [dict(id='a', image='a.png', label='cat', split='train', words='x'),
        dict(id='b', image='b.png', label='', split='train',
             words='two\nlines, "quoted"'),
        dict(id='c', image='c.png', label='dog', split='test', words='z')]


def suggestion(**changes):
    return Suggestion(**dict(dict(
        ask='label', id='b', path=None, words='<b>words</b>', label='',
        guess='dog', share=.75, image_says='dog 60%', text_says='dog 80%',
        disagreement=.125), **changes))


def test_what_is_asked_for_comes_first(tmp_path):
    write_labels_csv(tmp_path / 'l.csv', [suggestion()], ROWS)
    with open(tmp_path / 'l.csv', newline='') as file:
        rows = list(csv.DictReader(file))
    assert [row['id'] for row in rows] == ['b', 'a', 'c']
    assert [row['ask'] for row in rows] == ['label', '', '']
    assert [row['label'] for row in rows] == ['', 'cat', 'dog']
    assert rows[0]['words'] == 'two lines, "quoted"'


def test_the_filled_in_file_is_read_back(tmp_path):
    path = tmp_path / 'l.csv'
    write_labels_csv(path, [suggestion()], ROWS)
    text = path.read_text().replace('label,b.png,,', 'label,b.png,dog,')
    path.write_text(text)
    assert read_labels_csv(path, ['cat', 'dog']) == dict(
        a='cat', b='dog', c='dog')


@pytest.mark.parametrize(('text', 'message'), [
    ('id,label\na,bird\n', "label must be one of .*l.csv:2 has 'bird'"),
    ('id,label\na,cat\na,dog\n', "'a' comes again at .*l.csv:3"),
    ('id,class\na,cat\n', "needs the columns 'id' and 'label'")])
def test_a_wrong_file_is_refused_with_its_line(tmp_path, text, message):
    (tmp_path / 'l.csv').write_text(text)
    with pytest.raises(ValueError, match=message):
        read_labels_csv(tmp_path / 'l.csv', ['cat', 'dog'])


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='none.csv'):
        read_labels_csv(tmp_path / 'none.csv', ['cat'])


def test_the_page_shows_pictures_and_what_each_side_says(tmp_path):
    path = str(write_picture(tmp_path / 'b.png'))
    text = suggestions_page('Labels', 'two', [suggestion(path=path)])
    assert text.count('data:image/png') == 1
    assert 'picture: dog 60%' in text and 'text: dog 80%' in text
    assert '&lt;b&gt;words&lt;/b&gt;' in text and '<b>words' not in text


def test_labels_to_check_stand_apart():
    text = suggestions_page('Labels', 'two', [
        suggestion(ask='check', label='cat')])
    assert text.index('Look at these labels again') < text.index('has cat')


def test_what_asking_gains_has_a_column_a_way():
    rows = gain_rows([dict(
        labels=9, random=dict(mean=.5, gain=0., over_draws=0.),
        coverage=dict(mean=.6, gain=.1, over_draws=.02))])
    assert rows == [['9', '.500', '.600 (+.100 ± .020)']]
