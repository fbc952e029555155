"""A table of the user's own, whatever its columns are called."""
from __future__ import annotations

from pathlib import Path
from typing import Optional

from ...storage.tables import SUFFIXES
from ..own_tables import MANIFEST, Row, find_table, read_table, tables_of
from .layout import Reading


def recognises(folder: Path) -> Optional[str]:
    """Name the tables; see :class:`~.layout.Layout`."""
    lists = tables_of(folder, MANIFEST)
    return f'found {lists[0].name}, a table' if lists else None


def rows(folder: Path, reading: Reading) -> list[Row]:
    """Read the table.

    Raises:
        FileNotFoundError: There is none, or not the one that is named.
        ValueError: There are several and none is named, or it is broken.
    """
    path = (folder / reading.table if reading.table
            else find_table(folder, MANIFEST))
    if path is None:
        raise FileNotFoundError(f'{folder} has no table '
                                f'({", ".join(SUFFIXES)})')
    if not path.is_file():
        raise FileNotFoundError(f'no such table: {path}')
    return read_table(path, reading.columns, reading.label_separator,
                      reading.encoding, reading.needs_label)
