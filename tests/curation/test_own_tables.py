"""A user's own table: what it may hold, and what is refused."""
from __future__ import annotations

import os
import time

import pytest

from chtn_plugin.curation.own_tables import read_folders, read_table


def file(tmp_path, content, name='t.csv'):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else
                     content.encode('utf-8'))
    return path


@pytest.mark.parametrize('name, content', [
    ('t.csv', 'image,text,label\n,x,a\n'),
    ('t.tsv', 'image\ttext\tlabel\n\tx\ta\n'),
    ('t.jsonl', '{"image": null, "text": "x", "label": "a"}\n')])
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
    ('t.csv', 'image,text,label\n,x\0,\0a\n'),
    ('t.tsv', 'image\ttext\tlabel\n\tx\0\ta\n'),
    ('t.jsonl', '{"image": "", "text": "x\\u0000", "label": "a"}\n')])
def test_nul_is_dropped(tmp_path, name, content):
    row, = read_table(file(tmp_path, content, name), {})
    assert (row.texts, row.classes) == (('x', ), ('a', ))


# Next line, line separator, form feed: no ends of lines in a table.
@pytest.mark.parametrize('mark', ['\x85', '\u2028', '\x0c'])
@pytest.mark.parametrize('name, separator', [('t.csv', ','),
                                             ('t.tsv', '\t')])
def test_other_breaks_stay_within_a_text(tmp_path, name, separator, mark):
    content = f'text,label,image\nx{mark}y,a,\n'
    path = file(tmp_path, content.replace(',', separator), name)
    row, = read_table(path, {})
    assert row.texts == ('x y', )


@pytest.mark.parametrize('name', ['t.csv', 't.jsonl'])
def test_more_than_four_gigabytes_are_refused_before_they_are_read(tmp_path,
                                                                   name):
    path = file(tmp_path, 'text,label\n', name)
    # Holes take no room on the disk.
    os.truncate(path, 2**32 + 1)
    start = time.process_time()
    with pytest.raises(ValueError, match='must have at most 4 GiB'):
        read_table(path, {})
    assert time.process_time() - start < 1


def test_half_a_character_is_named(tmp_path):
    path = file(tmp_path, '{"image": "", "text": "\\ud800", "label": "a"}',
                't.jsonl')
    with pytest.raises(ValueError, match=r'lone surrogate\): .*:1'):
        read_table(path, {})


@pytest.mark.parametrize('name, content, reason', [
    ('t.csv', 'text,label\n"x,a\n', 'not a CSV row'),
    ('t.tsv', 'text\tlabel\nx\n', r'2 fields, got 1 at .*:2'),
    ('t.jsonl', '[' * 100_000, ':1: not a JSON object'),
    ('t.jsonl', '[1]', 'got list'),
    ('t.csv', 'text,label\n', 'at least one row'),
    ('t.csv', 'image,text,label,split\n,x,a,other\n',
     "got 'other' at .*:2"),
    ('t.csv', 'image,words_of,label\n1.png,x,a\n',
     "has .'image', 'words_of', 'label'.*--text-column"),
    ('t.tsv', 'pic\ttext\tlabel\n1.png\tx\ta\n', '--image-column'),
    ('t.jsonl', '{"text": "x"}', '--image-column, --label-column')])
def test_broken_table_is_named(tmp_path, name, content, reason):
    path = file(tmp_path, content, name)
    with pytest.raises(ValueError, match=reason) as error:
        read_table(path, {})
    assert str(path) in str(error.value)


def test_numbered_columns_hold_several_texts(tmp_path):
    path = file(tmp_path, 'image,caption_2,Caption 10,caption_1,label\n'
                '1.png,two,ten,one,a\n2.png,,ten,one,a\n')
    one, other = read_table(path, {})
    assert one.texts == ('one', 'two', 'ten')
    assert other.texts == ('one', 'ten')
    # A column that is named is the only one.
    assert read_table(path, {'text': 'caption_2'})[0].texts == ('two', )


def test_first_object_may_lack_what_others_have(tmp_path):
    path = file(tmp_path, '{"text": "x", "label": "a"}\n'
                '{"image": "1.png", "label": "a"}\n', 't.jsonl')
    assert [(row.image, row.texts) for row in read_table(path, {})] == [
        (None, ('x', )), ('1.png', ())]


def test_other_encoding_of_a_text_file_is_named(tmp_path):
    (tmp_path / 'a').mkdir()
    (tmp_path / 'a' / '1.jpg').write_bytes(b'')
    (tmp_path / 'a' / '1.txt').write_bytes(b'caf\xe9')
    with pytest.raises(ValueError, match=r'UTF-8: .*1\.txt:1 is not'):
        read_folders(tmp_path)


@pytest.mark.parametrize('header, names', [
    ('image,text,text,label', r"\['text'\]"),
    ('image,Caption,caption,label', "'Caption' and 'caption'.*--text-column"),
    ('image,Img,image ,label', r"\['image'\]"),
    ('Image,image,text,label', "'Image' and 'image'.*--image-column")])
def test_two_columns_of_one_name_are_refused(tmp_path, header, names):
    path = file(tmp_path, f'{header}\n1.png,x,y,a\n')
    with pytest.raises(ValueError, match='a column must come once: .*'
                       + names):
        read_table(path, {})


def test_column_that_is_named_settles_which_of_two_is_read(tmp_path):
    path = file(tmp_path, 'image,Caption,caption,label\n1.png,x,y,a\n')
    assert read_table(path, {'text': 'caption'})[0].texts == ('y', )


def test_number_in_json_is_one_label_with_or_without_a_point(tmp_path):
    path = file(tmp_path, '{"text": "x", "label": 1, "image": ""}\n'
                '{"text": "y", "label": 1.0, "image": ""}\n', 't.jsonl')
    assert [row.classes for row in read_table(path, {})] == [('1', )] * 2


def test_nan_is_an_empty_cell(tmp_path):
    path = file(tmp_path, '{"text": NaN, "label": "a", "image": "1.png"}\n'
                '{"text": "y", "label": NaN, "image": "2.png"}\n', 't.jsonl')
    first, second = read_table(path, {})
    assert first.texts == ()
    assert second.classes == ()


@pytest.mark.parametrize('cell', ['{"x": 1}', '[["x"]]'])
def test_what_is_no_text_is_refused(tmp_path, cell):
    path = file(tmp_path, f'{{"text": {cell}, "label": "a", "image": ""}}',
                't.jsonl')
    with pytest.raises(ValueError, match=r'text or a number.*t\.jsonl:1'):
        read_table(path, {})


def test_several_images_in_a_row_are_refused(tmp_path):
    path = file(tmp_path, '{"text": "", "label": "a", "image": ["1", "2"]}',
                't.jsonl')
    with pytest.raises(ValueError, match=r"one image: .*:1 names \['1', '2'"):
        read_table(path, {})


def class_folder(root, names, content=b''):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def test_hidden_and_empty_folders_are_no_classes(tmp_path):
    class_folder(tmp_path, ('a/1.jpg', 'b/1.jpg', '.git/1.jpg',
                            '.ipynb_checkpoints/1.jpg', '__MACOSX/1.jpg',
                            'a/._1.jpg', 'a/.ipynb_checkpoints/1.jpg'))
    (tmp_path / 'todo').mkdir()
    assert [(row.classes, row.image) for row in read_folders(tmp_path)] == [
        (('a', ), 'a/1.jpg'), (('b', ), 'b/1.jpg')]


def test_empty_validation_folder_does_not_hide_the_splits(tmp_path):
    class_folder(tmp_path, ('train/a/1.jpg', 'test/a/1.jpg'))
    (tmp_path / 'val').mkdir()
    assert [row.split for row in read_folders(tmp_path)] == ['test', 'train']


def test_encoding_of_text_files_can_be_named(tmp_path):
    class_folder(tmp_path, ['a/1.jpg'])
    class_folder(tmp_path, ['a/1.txt'], '你好世界'.encode('gb18030'))
    row, = read_folders(tmp_path, encoding='gb18030')
    assert row.texts == ('你好世界', )


def test_two_pictures_of_one_name_are_refused(tmp_path):
    class_folder(tmp_path, ('a/1.jpg', 'a/1.png', 'a/1.txt'))
    with pytest.raises(ValueError, match=r'picture must be the only .*1\.jpg '
                       r'and 1\.png'):
        read_folders(tmp_path)


def test_text_is_found_in_another_unicode_form(tmp_path):
    class_folder(tmp_path, ['a/caf\u00e9.jpg'])
    class_folder(tmp_path, ['a/cafe\u0301.txt'], b'a cup')
    row, = read_folders(tmp_path)
    assert (row.image, row.texts) == ('a/caf\u00e9.jpg', ('a cup', ))
