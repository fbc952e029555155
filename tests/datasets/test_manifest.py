"""The manifest: what it reads, and what it refuses by file and line."""
from __future__ import annotations

import json
import random
import time

import pytest

from chtn_plugin.datasets import manifest
from chtn_plugin.datasets.manifest import (
    PairRecord,
    other_columns,
    read_manifest,
    with_other_cells,
    write_manifest,
)
from chtn_plugin.storage import tables

HEADER = 'id\tsplit\tclass\timage\ttext\n'
ROW = 'a\ttrain\tcat\timages/a.jpg\tA cat.\n'


def file(tmp_path, content, name='pairs.tsv'):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else
                     content.encode('utf-8'))
    return path


def record(**fields):
    return PairRecord(**(dict(id='a', split='train', classes=('cat', ),
                              image='images/a.jpg', texts=('A cat.', ),
                              where='') | fields))


@pytest.mark.parametrize('content', [
    HEADER + ROW,
    HEADER + ROW.rstrip('\n'),
    (HEADER + ROW).replace('\n', '\r\n'),
    (HEADER + ROW).replace('\n', '\r'),
    '\ufeff' + HEADER + ROW,
    HEADER + '\n\n' + ROW,
], ids=['plain', 'no last break', 'CRLF', 'CR', 'BOM', 'blank lines'])
def test_row_is_read(tmp_path, content):
    found, = read_manifest(file(tmp_path, content))
    assert (found.id, found.split, found.classes, found.image,
            found.texts) == ('a', 'train', ('cat', ), 'images/a.jpg',
                             ('A cat.', ))


def test_place_of_a_row_is_kept(tmp_path):
    path = file(tmp_path, HEADER + '\n' + ROW)
    assert read_manifest(path)[0].where == f'{path}:3'


def test_synonyms_and_named_columns(tmp_path):
    path = file(tmp_path, 'name\tsubset\tlabel\tfilename\ttitle\textra\n'
                'a\ttrain\tcat\ta.jpg\tA cat.\tx\n')
    assert read_manifest(path, {'text': 'title'})[0].texts == ('A cat.', )


@pytest.mark.parametrize('name, content', [
    ('pairs.tsv', 'ID\tSplit\tClass\tImage\tText\na\ttrain\tcat\ta.jpg\tx\n'),
    ('pairs.csv', 'Name,SUBSET,Label,File,Caption\na,train,cat,a.jpg,x\n'),
    ('pairs.jsonl', '{"Id": "a", "Split": "train", "Class": "cat", '
     '"Image": "a.jpg", "Text": "x"}')])
def test_case_of_the_header_means_nothing(tmp_path, name, content):
    row, = read_manifest(file(tmp_path, content, name))
    assert (row.id, row.split, row.classes, row.image, row.texts) == (
        'a', 'train', ('cat', ), 'a.jpg', ('x', ))


def test_named_column_keeps_its_case(tmp_path):
    path = file(tmp_path, 'id\tsplit\tclass\tCaption\tTitle\n'
                'a\ttrain\tcat\tx\ty\n')
    assert [read_manifest(path, {'text': name})[0].texts
            for name in ('Caption', 'Title')] == [('x', ), ('y', )]


def test_quotes_mean_nothing_in_tsv(tmp_path):
    path = file(tmp_path, HEADER + 'a\ttrain\tcat\ta.jpg\t"A "cat\n')
    assert read_manifest(path)[0].texts == ('"A "cat', )


def test_csv_follows_rfc_4180(tmp_path):
    path = file(tmp_path, 'id,split,class,image,text\r\n'
                'a,train,cat,a.jpg,"A ""cat"",\r\nasleep"\r\n', 'p.csv')
    assert read_manifest(path)[0].texts == ('A "cat",\r\nasleep', )


def test_jsonl_takes_lists(tmp_path):
    path = file(tmp_path, json.dumps(dict(
        id=1, split='train', labels=['cat', 'pet'], image='a.jpg',
        captions=['one', 'two'])), 'p.jsonl')
    found, = read_manifest(path)
    assert found.id == '1'
    assert found.classes == ('cat', 'pet') and found.texts == ('one', 'two')


def test_several_labels_and_texts(tmp_path):
    path = file(tmp_path, HEADER + 'a\ttrain\tcat; pet\ta.jpg\tone ||| two\n')
    assert read_manifest(path)[0].classes == ('cat; pet', )
    found, = read_manifest(path, label_separator=';')
    assert found.classes == ('cat', 'pet') and found.texts == ('one', 'two')


def test_half_pairs(tmp_path):
    path = file(tmp_path, HEADER + 'a\ttrain\tcat\t\tA cat.\n'
                'b\ttrain\tcat\tb.jpg\t\n')
    first, second = read_manifest(path)
    assert first.image is None and second.texts == ()


@pytest.mark.parametrize('text', [
    '中文 图片', 'نص عربي', 'Кошка', '🐈 👩‍👩‍👧'])
def test_every_script_round_trips(tmp_path, text):
    written = record(id=text, classes=(text, ), texts=(text, text))
    write_manifest(tmp_path / 'p.tsv', [written])
    found, = read_manifest(tmp_path / 'p.tsv')
    assert (found.id, found.classes, found.texts) == (
        text, (text, ), (text, text))


def test_white_space_of_texts_is_folded(tmp_path):
    write_manifest(tmp_path / 'p.tsv', [record(texts=('a\tb\r\nc', ))])
    assert read_manifest(tmp_path / 'p.tsv')[0].texts == ('a b c', )


@pytest.mark.parametrize('fields, reason', [
    (dict(texts=('a ||| b', )), 'separates texts'),
    (dict(classes=('a;b', 'c')), 'separates them'),
    (dict(id='a\tb'), 'tabs'),
    (dict(image='a\nb.jpg'), 'tabs'),
    (dict(split=' train'), 'outer blanks'),
])
def test_what_could_not_be_read_back_is_not_written(tmp_path, fields, reason):
    with pytest.raises(ValueError, match=reason):
        write_manifest(tmp_path / 'p.tsv', [record(), record(**fields)])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('content, reason', [
    ('', 'at least one row'),
    (HEADER, 'at least one row'),
    ('id\tsplit\timage\ttext\na\ttrain\ta.jpg\tx\n', "column 'class'"),
    ('id\tclass\timage\ttext\na\tcat\ta.jpg\tx\n', "column 'split'"),
    ('id\tid\tsplit\tclass\timage\ttext\n', r":1 has \['id'\]"),
    (HEADER + 'a\ttrain\n', r"header's 5 fields, got 2 at .*:2"),
    (HEADER + ROW + ROW, r"'a' at .*:3 stands already at .*:2"),
    (HEADER + '\ttrain\tcat\ta.jpg\tx\n', 'id must not be empty'),
    (HEADER + 'a\t\tcat\ta.jpg\tx\n', 'split must not be empty'),
    (HEADER + 'a\t \tcat\ta.jpg\tx\n', 'split must not be empty'),
    (HEADER + 'a\ttrain\tcat\t\t\n', 'an image, a text or both'),
    (HEADER + 'a\ttrain\tcat\ta.jpg\tx\0y\n', 'NUL'),
    (HEADER + 'a\ttr\0ain\tcat\ta.jpg\tx\n', 'NUL'),
    (HEADER + 'a\ttrain\tcat\t../../etc/passwd\tx\n', 'inside the data root'),
    (HEADER + 'a\ttrain\tcat\t/etc/passwd\tx\n', 'inside the data root'),
    ((HEADER + ROW).encode('utf-16'), 'is UTF-16'),
    (HEADER.encode() + ROW.encode() + b'b\ttrain\tcat\tb.jpg\tcaf\xe9\n',
     r':3 is not, at byte 21'),
])
def test_broken_tsv_is_named(tmp_path, content, reason):
    path = file(tmp_path, content)
    with pytest.raises(ValueError, match=reason) as error:
        read_manifest(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize('content, reason', [
    ('{"id": 1', ':1: not a JSON object'),
    ('[1]', 'must be a JSON object, got list'),
    ('[' * 100_000, ':1: not a JSON object'),
    ('{"id": ' + '9' * 5000 + '}', ':1: not a JSON object'),
    ('{"id": "a", "split": "s", "class": "c", "text": {"x": 1}}',
     'text or a number'),
    ('{"id": "a", "split": "s", "class": "c", "text": [["x"]]}',
     'text or a number'),
    ('{"id": "a", "split": "s", "class": "c", "text": "\\ud800"}',
     'lone surrogate'),
], ids=str)
def test_broken_jsonl_is_named(tmp_path, content, reason):
    with pytest.raises(ValueError, match=reason):
        read_manifest(file(tmp_path, content, 'p.jsonl'))


def test_open_quote_in_csv_is_named(tmp_path):
    path = file(tmp_path, 'id,split,class,image,text\na,b,c,d,"e\n', 'p.csv')
    with pytest.raises(ValueError, match='not a CSV row'):
        read_manifest(path)


def test_other_endings_are_refused(tmp_path):
    with pytest.raises(ValueError, match='ends in'):
        read_manifest(file(tmp_path, HEADER + ROW, 'p.pkl'))


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'no\.tsv'):
        read_manifest(tmp_path / 'no.tsv')


def test_columns_must_be_known(tmp_path):
    with pytest.raises(ValueError, match="'caption'"):
        read_manifest(file(tmp_path, HEADER + ROW), {'caption': 'x'})


def test_ten_million_lines_are_refused_before_they_are_read(tmp_path):
    path = file(tmp_path, HEADER.encode() + b'a\tb\tc\td\te\n' * 10_000_000)
    start = time.perf_counter()
    with pytest.raises(ValueError, match='at most 5000000 rows'):
        read_manifest(path, max_rows=5_000_000)
    assert time.perf_counter() - start < 5


def test_one_endless_line_is_refused(tmp_path):
    path = file(tmp_path, HEADER.encode() + b'x' * (65 << 20))
    with pytest.raises(ValueError, match=':2 has more'):
        read_manifest(path)


def test_a_pair_may_have_no_class(tmp_path):
    path = tmp_path / 'pairs.tsv'
    path.write_text('id\tsplit\tclass\timage\ttext\na\ttrain\t \ta.jpg\tx\n')
    record, = read_manifest(path)
    assert record.classes == ()
    write_manifest(path, [record])
    assert read_manifest(path)[0].classes == ()


def test_shared_manifest_is_read_once_until_it_is_written_anew(tmp_path,
                                                               monkeypatch):
    from chtn_plugin.datasets import manifest
    reads = []
    read = manifest.read_manifest
    monkeypatch.setattr(manifest, 'read_manifest',
                        lambda *args: reads.append(args) or read(*args))
    path = tmp_path / 'pairs.tsv'
    path.write_text('id\tsplit\tclass\ttext\n1\ttrain\ta;b\tx\n')
    first = manifest.shared_manifest(path)
    with pytest.raises(AttributeError):
        first.clear()  # all callers share it
    assert len(manifest.shared_manifest(path)) == 1
    assert len(reads) == 1
    assert manifest.shared_manifest(path, None, ';')[0].classes == ('a', 'b')
    path.write_text('id\tsplit\tclass\ttext\n1\ttrain\ta;b\ty!\n')
    assert manifest.shared_manifest(path)[0].texts == ('y!', )
    assert len(reads) == 3


# A large file: columns that are kept.


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """Every manifest counts as large; its columns are kept here."""
    from chtn_plugin.datasets import manifest
    monkeypatch.setattr(manifest, 'SIDE_FILE_BYTES', 0)
    monkeypatch.setenv('CHTN_CACHE', str(tmp_path / 'cache'))
    return tmp_path / 'cache' / 'side_files'


def test_a_large_file_is_read_once(tmp_path, kept, monkeypatch):
    from chtn_plugin.datasets import manifest
    path = file(tmp_path, HEADER + ROW + 'b\ttest\tcat\tb.jpg\tB ||| b\n')
    first = list(read_manifest(path))
    monkeypatch.setattr(manifest._Rows, 'read', None)
    assert list(read_manifest(path)) == first
    assert first[1].where == f'{path}:3'


def test_kept_columns_are_found_by_another_name_of_the_file(
        tmp_path, kept, monkeypatch):
    read_manifest(file(tmp_path, HEADER + ROW))
    monkeypatch.chdir(tmp_path)
    assert read_manifest('pairs.tsv')[0].where == 'pairs.tsv:2'


def test_options_have_columns_of_their_own(tmp_path, kept):
    path = file(tmp_path, HEADER + 'a\ttrain\tcat;pet\ta.jpg\tx\n')
    assert read_manifest(path)[0].classes == ('cat;pet', )
    assert read_manifest(path, label_separator=';')[0].classes == (
        'cat', 'pet')


def test_a_file_written_anew_is_read_anew(tmp_path, kept):
    path = file(tmp_path, HEADER + ROW)
    read_manifest(path)
    file(tmp_path, HEADER + ROW.replace('cat', 'dog'))
    assert read_manifest(path)[0].classes == ('dog', )
    assert len(list(kept.iterdir())) == 1


def test_a_refused_file_leaves_nothing(tmp_path, kept):
    path = file(tmp_path, HEADER + ROW + ROW)
    for _ in range(2):
        with pytest.raises(ValueError, match="'a' at .*:3 stands already"):
            read_manifest(path)
    assert list(kept.iterdir()) == []


def test_a_cache_that_cannot_be_written_is_said(tmp_path, kept, monkeypatch):
    said = []
    monkeypatch.setattr('mmengine.logging.print_log',
                        lambda text, **options: said.append(text))
    kept.parent.write_text('a file stands in its place')
    path = file(tmp_path, HEADER + ROW)
    assert read_manifest(path)[0].id == 'a'
    assert len(said) == 1 and f'{path} is held in memory' in said[0]


def test_an_id_that_came_twice_is_named_before_a_later_broken_row(tmp_path):
    path = file(tmp_path, HEADER + ROW + ROW + 'x\n')
    with pytest.raises(ValueError, match="'a' at .*:3 stands already"):
        read_manifest(path)


def test_columns_are_read_as_single_rows_are(tmp_path, monkeypatch):
    from chtn_plugin.datasets import manifest
    lines = [
        'a\ttrain\tcat; pet;\ta.jpg\tone ||| two ||| ', '\t \t', '',
        ' b \t test\t\tb.jpg\t', 'c\ttrain\t cat\t\t ein||| zwei ',
        'é\ttrain\tKätzchen\tü/1..2.jpg\t中文\u3000x', '1\t2\t3\t4\t5']
    path = file(tmp_path, HEADER + '\n'.join(lines) + '\n')
    for separator in (None, ';'):
        columns = list(read_manifest(path, label_separator=separator))
        with monkeypatch.context() as patch:
            patch.setattr(manifest._Rows, '_add_columns',
                          lambda *args: None)
            rows = list(read_manifest(path, label_separator=separator))
        assert columns == rows
        assert [row.id for row in rows] == ['a', 'b', 'c', 'é', '1']


def test_cells_that_are_no_part_of_a_pair_are_read_beside_it(tmp_path):
    path = tmp_path / 'pairs.tsv'
    path.write_text('id\tsplit\tclass\timage\ttext\tcolour\n'
                    'a\ttrain\tx\ta.png\tone\tred\n'
                    'b\ttest\tx\tb.png\ttwo\t\n')
    assert list(other_columns(path)) == [
        dict(split='train', colour='red'), dict(split='test', colour='')]
    write_manifest(tmp_path / 'again.tsv', with_other_cells(
        read_manifest(path), path))
    assert (tmp_path / 'again.tsv').read_text() == path.read_text()


def test_a_nested_cell_is_nothing_to_search_by(tmp_path):
    path = tmp_path / 'pairs.jsonl'
    path.write_text('{"id": "a", "split": "test", "class": "x", "image": '
                    '"a.png", "text": "one", "box": {"w": 1}, "size": 3}\n')
    assert list(other_columns(path)) == [dict(split='test', size='3')]


# Blocks that are parted in one step.


# The first three of each are as they should be.
FIELDS = dict(
    id=['a', ' b ', 'é', '', 'x\0'], split=['train', ' test', 'val', ''],
    label=['x', ' y ;', '', 'x;y', '\0'],
    image=['1.jpg', '', ' 4.jpg', '../2.jpg', '/3.jpg', 'a..b'],
    text=['one', ' two ', 'one ||| two', '', 'é ||| ', 'x\u3000'])


@pytest.mark.parametrize('ending, delimiter', [('tsv', '\t'), ('csv', ',')])
@pytest.mark.parametrize('separator', [None, ';'])
def test_a_block_is_read_as_its_rows_are(tmp_path, monkeypatch, ending,
                                         delimiter, separator):
    draw, refused = random.Random(0), 0
    for number in range(150):
        # Rarely what is refused, so that whole files are read too.
        lines = [delimiter.join(FIELDS)]
        for row in range(draw.choice([1, 5, 20])):
            cells = [draw.choice(values if draw.random() < .02 else values[:3])
                     for values in FIELDS.values()]
            cells[0] += str(row) if draw.random() < .98 else ''
            lines.append(delimiter.join(cells))
        path = tmp_path / f'{number}.{ending}'
        path.write_text('\n'.join(lines), encoding='utf-8')
        outcomes = []
        for whole in (True, False):
            if not whole:
                monkeypatch.setattr(tables, '_regular', lambda *_: None)
                monkeypatch.setattr(manifest._Rows, '_add_columns',
                                    lambda *_: None)
            try:
                read = read_manifest(path, label_separator=separator)
                outcomes.append([list(read), read.class_names,
                                 read.split_names])
            except ValueError as error:
                outcomes.append(str(error))
            monkeypatch.undo()
        assert outcomes[0] == outcomes[1]
        refused += isinstance(outcomes[0], str)
    assert 15 < refused < 135
