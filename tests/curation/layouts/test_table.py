"""A user's own table as a layout."""
from __future__ import annotations

import pytest
from tiny_layouts import caption, class_of, rows_of, train_once, write_pictures

from chtn_plugin.curation.layouts import table


def test_table_trains(tmp_path):
    folder = tmp_path / 'data'
    names = write_pictures(folder / 'images')
    (folder / 'pairs.csv').write_text('image,text,label\n' + ''.join(
        f'{name},{caption(number)},{class_of(number)}\n'
        for number, name in enumerate(names)))
    assert sum(map(len, train_once(folder, tmp_path / 'work').values())) == 12


def test_table_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'no such table: .*x\.csv'):
        rows_of(table, tmp_path, table='x.csv')
