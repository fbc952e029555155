"""Hugging Face's ImageFolder: ``metadata.csv`` beside the pictures.

https://huggingface.co/docs/datasets/image_dataset#imagefolder. The table is
also ``.jsonl``, and lies in the folder or in those of the splits.
"""
from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Optional

from ...storage.folders import visible_folders
from ..own_tables import SPLITS, Row, read_table, recognised_fields
from .layout import Reading, without_single_split

_NAMES = ('metadata.csv', 'metadata.jsonl')


def recognises(folder: Path) -> Optional[str]:
    """Name the tables; see :class:`~.layout.Layout`."""
    lists = _tables(folder)
    if not lists:
        return None
    return f'found {lists[0][0].relative_to(folder)}'


def rows(folder: Path, reading: Reading) -> list[Row]:
    """Read each table; its paths start at its own folder.

    Raises:
        FileNotFoundError: There is none.
        ValueError: One is broken, or lacks a column.
    """
    tables = _tables(folder)
    if not tables:
        raise FileNotFoundError(f'{folder} has no {" or ".join(_NAMES)}, '
                                'nor have folders train, val and test in it')
    pairs: list[Row] = []
    for path, split in tables:
        columns = dict(reading.columns)
        if 'image' not in columns and 'image' not in recognised_fields(
                path, reading.encoding):
            # The layout also knows image_file_name and the like.
            columns['image'] = _image_column(path, reading.encoding)
        base = path.parent.relative_to(folder).as_posix()
        for row in read_table(path, columns, reading.label_separator,
                              reading.encoding, reading.needs_label):
            image = row.image and (row.image if base == '.' else
                                   f'{base}/{row.image}')
            pairs.append(dataclasses.replace(
                row, image=image, split=row.split or split))
    return without_single_split(pairs)


def _tables(folder: Path) -> list[tuple[Path, str]]:
    places = [(folder, ''), *((path, SPLITS[path.name.lower()])
                              for path in visible_folders(folder)
                              if path.name.lower() in SPLITS)]
    return [(place / name, split) for place, split in places
            for name in _NAMES if (place / name).is_file()]


def _image_column(path: Path, encoding: Optional[str]) -> str:
    from ...storage.tables import read_rows
    first = next(read_rows(path, 'a table', encoding))
    names = [name for name in first.cells if name.endswith('_file_name')]
    if len(names) != 1:
        raise ValueError('an ImageFolder table must have the column '
                         f'file_name: {path} has {list(first.cells)}')
    return names[0]
