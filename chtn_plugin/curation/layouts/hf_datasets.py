"""Folders that ``save_to_disk`` of the ``datasets`` library writes.

A folder with ``state.json`` and Arrow files, or one with
``dataset_dict.json`` that holds such a folder for each split.
"""
from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Optional

from ...storage.json_files import read_json_object
from ..own_tables import SPLITS, Row
from .arrow_rows import require_pyarrow, rows_of_batches
from .layout import Reading, expected_shape, string, without_single_split

_DICT, _STATE = 'dataset_dict.json', 'state.json'


def recognises(folder: Path) -> Optional[str]:
    """Name the file that tells; see :class:`~.layout.Layout`."""
    for name in (_DICT, _STATE):
        if (folder / name).is_file():
            return f'found {name}, of save_to_disk'
    return None


def rows(folder: Path, reading: Reading) -> list[Row]:
    """Read the Arrow files of each split.

    Raises:
        FileNotFoundError: There is none.
        ImportError: pyarrow is not installed.
        ValueError: A file is damaged, or lacks a column.
    """
    pairs: list[Row] = []
    for part, split in _parts(folder):
        for path in _arrow_files(part):
            pairs += [dataclasses.replace(row, split=row.split or split)
                      for row in _rows(folder, path, reading)]
    return without_single_split(pairs)


def _rows(folder: Path, path: Path, reading: Reading) -> list[Row]:
    pyarrow = require_pyarrow(path)
    from pyarrow import ipc
    try:
        with pyarrow.memory_map(str(path)) as source:
            stream = ipc.open_stream(source)
            return rows_of_batches(folder, path, stream.schema,
                                   _in_pieces(stream), reading)
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(f'an Arrow file must be whole: {path} is not '
                         f'({error})') from error


def _in_pieces(stream: Any, size: int = 256) -> Iterator[Any]:
    for batch in stream:
        for first in range(0, batch.num_rows, size):
            yield batch.slice(first, size)


def _parts(folder: Path) -> list[tuple[Path, str]]:
    path = folder / _DICT
    if not path.is_file():
        return [(folder, '')]
    data = read_json_object(path, 'a list of splits')
    with expected_shape(path, 'a list of splits'):
        names = [string(name, 'a split', path) for name in data['splits']]
    for name in names:
        if name.lower() not in SPLITS:
            raise ValueError(f'a split must be one of {sorted(SPLITS)}, got '
                             f'{name!r} in {path}')
    return [(folder / name, SPLITS[name.lower()]) for name in names]


def _arrow_files(folder: Path) -> list[Path]:
    path = folder / _STATE
    if not path.is_file():
        raise FileNotFoundError(f'{folder} has no {_STATE}')
    data = read_json_object(path, 'the state of a data set')
    with expected_shape(path, 'the state of a data set'):
        names = [string(one['filename'], 'a filename', path)
                 for one in data['_data_files']]
    for name in names:
        if Path(name).name != name:
            raise ValueError('a data file must lie in its own folder: '
                             f'{path} names {name!r}')
    return [folder / name for name in names]
