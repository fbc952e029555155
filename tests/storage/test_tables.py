"""The one reader of tables: cells, encodings, columns and limits."""
from __future__ import annotations

import math
import random

import pytest

from chtn_plugin.storage import tables
from chtn_plugin.storage.tables import (
    cell_text,
    cell_texts,
    read_chunks,
    read_rows,
)


def file(tmp_path, content, name='t.csv'):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else
                     content.encode('utf-8'))
    return path


def cells(path, **options):
    return [row.cells for row in read_rows(path, **options)]


def test_place_of_each_row_is_file_and_line(tmp_path):
    path = file(tmp_path, 'a,b\n1,2\n\n"3\n4",5\n')
    assert [row.where for row in read_rows(path)] == [f'{path}:2',
                                                      f'{path}:5']


@pytest.mark.parametrize('delimiter', [',', ';', '\t', '|'])
def test_delimiter_is_the_header_s(tmp_path, delimiter):
    path = file(tmp_path, 'a,b\n1,2\n'.replace(',', delimiter))
    assert cells(path) == [{'a': '1', 'b': '2'}]


def test_delimiter_within_quotes_parts_nothing(tmp_path):
    path = file(tmp_path, '"a;b;c;d",e\n1,2\n')
    assert cells(path) == [{'a;b;c;d': '1', 'e': '2'}]


@pytest.mark.parametrize('name, content', [
    ('t.csv', 'a,b\n1,2\n,,\n, \n,\n'),
    ('t.csv', ',,\na,b\n1,2\n'),
    ('t.tsv', 'a\tb\n1\t2\n\t\t\n \t\n'),
    ('t.jsonl', '{"a": "1", "b": "2"}\n{"a": null, "b": NaN}\n{}\n')])
def test_rows_of_empty_cells_are_passed_over(tmp_path, name, content):
    assert cells(file(tmp_path, content, name)) == [{'a': '1', 'b': '2'}]


@pytest.mark.parametrize('name, content', [
    ('t.csv', 'a,b,a\n1,2,3\n'),
    ('t.csv', 'a, a\n1,2\n'),
    ('t.tsv', 'a\tb\ta\n1\t2\t3\n'),
    ('t.jsonl', '{"a": 1, "a": 2}')])
def test_two_columns_of_one_name_are_refused(tmp_path, name, content):
    path = file(tmp_path, content, name)
    with pytest.raises(ValueError, match=r"come once: .*:1 has \['a'\]"):
        cells(path)


def test_columns_without_a_name_are_left_out(tmp_path):
    # A spreadsheet saves the empty columns beside the table.
    assert cells(file(tmp_path, 'a,b,,\n1,2,,\n3,4,x,\n')) == [
        {'a': '1', 'b': '2'}, {'a': '3', 'b': '4'}]


def test_names_are_made_by_the_caller(tmp_path):
    path = file(tmp_path, 'A,a\n1,2\n')
    assert cells(path) == [{'A': '1', 'a': '2'}]
    with pytest.raises(ValueError, match='come once'):
        cells(path, rename=str.lower)


@pytest.mark.parametrize('value, text', [
    (None, ''), (math.nan, ''), (' ', ''), ('x ', 'x '), (1, '1'),
    (1.0, '1'), (-0.5, '-0.5'), (True, 'True'), ('1.0', '1.0'),
    ('nan', 'nan')])
def test_text_of_a_cell(value, text):
    assert cell_text(value, 'here') == text


@pytest.mark.parametrize('value', [{'x': 1}, ['x'], math.inf, -math.inf])
def test_what_is_no_value_is_refused(value):
    with pytest.raises(ValueError, match='text or a number, got .* at t:1'):
        cell_text(value, 't:1')


def test_texts_of_a_cell_stand_in_a_list_or_between_separators():
    assert cell_texts(['a;b', 2.0], 'here', ';') == ['a;b', '2']
    assert cell_texts('a;b', 'here', ';') == ['a', 'b']
    assert cell_texts('a;b', 'here') == ['a;b']


def test_infinity_is_no_number_of_json(tmp_path):
    with pytest.raises(ValueError, match=':1: not a JSON object: Infinity'):
        cells(file(tmp_path, '{"a": Infinity}', 't.jsonl'))


@pytest.mark.parametrize('mark', [b'\xff\xfe', b'\xfe\xff'])
def test_utf_16_is_known_by_its_mark(tmp_path, mark):
    name = 'utf-16-le' if mark == b'\xff\xfe' else 'utf-16-be'
    path = file(tmp_path, mark + 'a,b\nä,ß\n'.encode(name))
    assert cells(path) == [{'a': 'ä', 'b': 'ß'}]


def test_wrong_byte_is_named_by_line_and_place(tmp_path):
    # Far behind the first buffer of the decoder
    path = file(tmp_path, b'a,b\n' + b'1,2\n' * 50_000 + b'x,\xe9\n')
    with pytest.raises(ValueError, match=r'UTF-8: .*t\.csv:50002 is not, at '
                       'byte 2: .*Save it anew'):
        cells(path, hint='. Save it anew')


@pytest.mark.parametrize('encoding', ['klingon', 'hex', 'undefined'])
def test_encoding_must_be_known(tmp_path, encoding):
    with pytest.raises(ValueError, match='that Python knows, such as gb'):
        cells(file(tmp_path, 'a,b\n'), encoding=encoding)


def test_ending_must_be_known(tmp_path):
    with pytest.raises(ValueError, match=r'a list ends in \.csv, \.tsv or '
                       r'\.jsonl, got .*t\.xls'):
        cells(tmp_path / 't.xls', what='a list')


def test_longer_file_is_refused_before_it_is_read(tmp_path):
    path = file(tmp_path, 'a,a\n' * 5)
    with pytest.raises(ValueError, match='at most 3 rows'):
        cells(path, max_rows=3)


def test_larger_file_is_refused_before_it_is_read(tmp_path):
    path = file(tmp_path, 'a\n1\n')
    assert cells(path, max_bytes=4) == [dict(a='1')]
    with pytest.raises(ValueError, match='must have at most .* GiB, .*t.csv'):
        cells(path, max_bytes=3)


def test_longer_line_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, '_MAX_LINE_BYTES', 9)
    path = file(tmp_path, 'a,a\n' + 'b' * 10)
    with pytest.raises(ValueError, match='a line must have at most 9 bytes: '
                                         r'.*t\.csv:2 has more'):
        cells(path)


# Blocks that are parted in one step.


def outcome(rows):
    """The rows that came, and the error that ended them."""
    found = []
    try:
        for row in rows:
            found.append(row)
    except ValueError as error:
        return found, str(error)
    return found, None


def by_blocks(path):
    for chunk in read_chunks(path):
        yield from chunk.rows(path)


PIECES = {'plain': ['a', 'bc', ' d ', 'é', 'ö x', '', '1'],
          'odd': ['a', '', ' ', '\u3000', '"', '"q', '\r', '\0', 'x|y',
                  '\u2028', '\x85']}


@pytest.mark.parametrize('ending', ['.tsv', '.csv'])
@pytest.mark.parametrize('pieces', PIECES)
@pytest.mark.parametrize('size', [1, 7, 40, 1 << 20])
def test_blocks_are_parted_as_lines_are(tmp_path, monkeypatch, ending,
                                        pieces, size):
    monkeypatch.setattr(tables, '_BLOCK_CHARS', size)
    draw = random.Random(size)
    delimiter = '\t' if ending == '.tsv' else ','
    for number in range(60):
        width = draw.choice([1, 2, 3])
        rows = [[f'c{place}' for place in range(width)]]
        for _ in range(draw.choice([0, 1, 3, 9])):
            # Now and then a row of another width, or a blank one.
            count = width if draw.random() < .97 else draw.choice([0, 1, 4])
            rows.append([draw.choice(PIECES[pieces]) for _ in range(count)])
        text = draw.choice(['\n', '\r\n', '\n', '\r']).join(
            map(delimiter.join, rows)) + draw.choice(['', '\n', '\n\n'])
        text = draw.choice(['', '\n', '\ufeff']) + text
        raw = text.encode()
        if draw.random() < .1:
            at = draw.randrange(len(raw))
            raw = raw[:at] + b'\xff' + raw[at:]
        path = tmp_path / f'{number}{ending}'
        path.write_bytes(raw)
        found, error = outcome(by_blocks(path))
        wanted, reason = outcome(read_rows(path))
        assert error == reason, raw
        # A wrong byte ends the reading of either some rows before it.
        assert (found == wanted if b'\xff' not in raw else
                found == wanted[:len(found)]
                or wanted == found[:len(wanted)]), raw


def test_most_of_a_table_is_parted_by_blocks(tmp_path, monkeypatch):
    # Or the test above would compare nothing.
    monkeypatch.setattr(tables, '_BLOCK_CHARS', 100)
    path = file(tmp_path, 'a\tb\n' + '1\tx\n' * 200, 't.tsv')
    assert [type(chunk.lines) for chunk in read_chunks(path)] == [range] * 9
