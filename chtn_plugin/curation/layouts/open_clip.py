"""open_clip's lists: a ``.csv`` or ``.tsv`` with ``filepath`` and ``title``.

https://github.com/mlfoundations/open_clip. Its default is tabs in a file
named ``.csv`` too. ``train.csv`` and ``val.csv`` may stand side by side.
"""
from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Optional

from ..own_tables import MANIFEST, Row, read_table, tables_of
from .layout import Reading, split_in_name, without_single_split


def recognises(folder: Path) -> Optional[str]:
    """Name the lists; see :class:`~.layout.Layout`."""
    lists = _lists(folder)
    return (f'found {lists[0].name} with the columns filepath and title'
            if lists else None)


def rows(folder: Path, reading: Reading) -> list[Row]:
    """Read the lists, whose names tell the splits where there are several.

    Raises:
        FileNotFoundError: There is none.
        ValueError: One is broken.
    """
    lists = ([folder / reading.table] if reading.table else _lists(folder))
    if not lists:
        raise FileNotFoundError(f'{folder} has no table (.csv, .tsv) with '
                                'the columns filepath and title')
    pairs = [dataclasses.replace(row, split=row.split or split_in_name(
        path.stem)) for path in lists for row in read_table(
            path, reading.columns, reading.label_separator, reading.encoding,
            reading.needs_label)]
    return without_single_split(pairs)


def _lists(folder: Path) -> list[Path]:
    lists = []
    for path in tables_of(folder, MANIFEST):
        with path.open('rb') as file:
            header = file.readline(1 << 16)
        names = header.decode('utf-8-sig', 'replace').lower()
        for mark in ',\t;':
            names = names.replace(mark, ' ')
        if {'filepath', 'title'} <= set(names.split()):
            lists.append(path)
    return lists
