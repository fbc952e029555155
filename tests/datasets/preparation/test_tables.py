"""A user's own table: what it may hold, and what is refused."""
from __future__ import annotations

import time

import pytest

from chtn_plugin.datasets.preparation.tables import read_folders, read_table


def file(tmp_path, content, name='t.csv'):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else
                     content.encode('utf-8'))
    return path


@pytest.mark.parametrize('name, content', [
    ('t.csv', 'text,label\nx,a\n'),
    ('t.tsv', 'text\tlabel\nx\ta\n'),
    ('t.jsonl', '{"text": "x", "label": "a"}\n')])
@pytest.mark.parametrize('change', [
    lambda text: text,
    lambda text: '\ufeff' + text,
    lambda text: text.replace('\n', '\r\n'),
    lambda text: text.rstrip('\n'),
], ids=['plain', 'BOM', 'CRLF', 'no last break'])
def test_row_is_read(tmp_path, name, content, change):
    row, = read_table(file(tmp_path, change(content), name), {})
    assert (row.texts, row.classes) == (('x', ), ('a', ))


@pytest.mark.parametrize('name, content', [
    ('t.csv', 'text,label\nx\0,\0a\n'), ('t.tsv', 'text\tlabel\nx\0\ta\n'),
    ('t.jsonl', '{"text": "x\\u0000", "label": "a"}\n')])
def test_nul_is_dropped(tmp_path, name, content):
    row, = read_table(file(tmp_path, content, name), {})
    assert (row.texts, row.classes) == (('x', ), ('a', ))


# Next line, line separator, form feed: no ends of lines in a table.
@pytest.mark.parametrize('mark', ['\x85', '\u2028', '\x0c'])
@pytest.mark.parametrize('name, separator', [('t.csv', ','),
                                             ('t.tsv', '\t')])
def test_other_breaks_stay_within_a_text(tmp_path, name, separator, mark):
    path = file(tmp_path, f'text{separator}label\nx{mark}y{separator}a\n',
                name)
    row, = read_table(path, {})
    assert row.texts == ('x y', )


@pytest.mark.parametrize('name, content', [
    ('t.csv', b'text,label\n' + b'a,b\n' * 10_000_000),
    ('t.jsonl', b'{}\n' * 10_000_000)])
def test_ten_million_lines_are_refused_before_they_are_read(tmp_path, name,
                                                            content):
    path = file(tmp_path, content, name)
    start = time.process_time()
    with pytest.raises(ValueError, match='at most 5000000 rows'):
        read_table(path, {})
    assert time.process_time() - start < 1


def test_half_a_character_is_named(tmp_path):
    path = file(tmp_path, '{"text": "\\ud800", "label": "a"}', 't.jsonl')
    with pytest.raises(ValueError, match=r'lone surrogate\): .*:1'):
        read_table(path, {})


@pytest.mark.parametrize('name, content, reason', [
    ('t.csv', 'text,label\n"x,a\n', 'not a CSV row'),
    ('t.tsv', 'text\tlabel\nx\n', r'2 fields: .*:2 has 1'),
    ('t.jsonl', '[' * 100_000, ':1: not a JSON object'),
    ('t.jsonl', '[1]', 'got list'),
    ('t.csv', 'text,label\n', 'at least one row'),
    ('t.csv', 'text,label,split\nx,a,other\n', "got 'other' at .*:2")])
def test_broken_table_is_named(tmp_path, name, content, reason):
    path = file(tmp_path, content, name)
    with pytest.raises(ValueError, match=reason) as error:
        read_table(path, {})
    assert str(path) in str(error.value)


def test_other_encoding_of_a_text_file_is_named(tmp_path):
    (tmp_path / 'a').mkdir()
    (tmp_path / 'a' / '1.jpg').write_bytes(b'')
    (tmp_path / 'a' / '1.txt').write_bytes(b'caf\xe9')
    with pytest.raises(ValueError, match=r'1\.txt:1 is not UTF-8'):
        read_folders(tmp_path)
