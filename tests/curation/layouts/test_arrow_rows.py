"""Arrow rows become rows of a table."""
from __future__ import annotations

import json

import pytest
from tiny_layouts import write_pictures

from chtn_plugin.curation.layouts.arrow_rows import rows_of_batches
from chtn_plugin.curation.layouts.layout import Reading

pyarrow = pytest.importorskip('pyarrow')


def read(folder, columns, names=None, **reading):
    table = pyarrow.table(columns)
    if names:
        features = {'label': dict(_type='ClassLabel', names=names)}
        table = table.replace_schema_metadata(
            {'huggingface': json.dumps(dict(info=dict(features=features)))})
    return rows_of_batches(folder, folder / 'x.parquet', table.schema,
                           iter(table.to_batches()), Reading(**reading))


@pytest.mark.parametrize('wrap', [
    lambda raw: raw, lambda raw: dict(bytes=raw, path='any.jpg')],
    ids=['bytes', 'as the hub has them'])
def test_picture_is_written_once_as_it_is(tmp_path, wrap):
    raw = (tmp_path / 'a' / write_pictures(tmp_path / 'a')[0]).read_bytes()
    rows = read(tmp_path, dict(image=[wrap(raw)] * 2, text=['x', 'y'],
                               label=['a', 'b']))
    assert rows[0].image == rows[1].image
    file, = (tmp_path / 'unpacked').iterdir()
    assert file.read_bytes() == raw and file.suffix == '.jpg'


def test_picture_may_be_a_path(tmp_path):
    row, = read(tmp_path, dict(image=['images/1.jpg'], text=['x'],
                               label=['a']))
    assert row.image == 'images/1.jpg'


def test_class_numbers_get_their_names(tmp_path):
    rows = read(tmp_path, dict(image=['1.jpg', '2.jpg'], text=['x', 'y'],
                               label=[1, 0]), ['cat', 'dog'])
    assert [row.classes for row in rows] == [('dog', ), ('cat', )]


def test_class_number_without_a_name_is_named(tmp_path):
    with pytest.raises(ValueError, match=r'\[0, 2\): label is 2 at .*row 0'):
        read(tmp_path, dict(image=['1.jpg'], text=['x'], label=[2]),
             ['cat', 'dog'])


def test_column_that_is_lacking_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"x.parquet has \['pic', 'text', "
                       r"'label'\].*--image-column"):
        read(tmp_path, dict(pic=['1.jpg'], text=['x'], label=['a']))
