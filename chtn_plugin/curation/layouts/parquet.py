"""Parquet files with pictures inside, as the Hugging Face hub keeps them."""
from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Optional

from ...storage.folders import visible_files
from ..own_tables import Row
from .arrow_rows import require_pyarrow, rows_of_batches
from .layout import Reading, split_in_name, without_single_split

_BATCH = 256


def recognises(folder: Path) -> Optional[str]:
    """Name the first file; see :class:`~.layout.Layout`."""
    files = _files(folder)
    return f'found {files[0].relative_to(folder)}' if files else None


def rows(folder: Path, reading: Reading) -> list[Row]:
    """Read the files; ``train-00000-of-00001.parquet`` names its split.

    Raises:
        FileNotFoundError: There is none.
        ImportError: pyarrow is not installed.
        ValueError: A file is damaged, or lacks a column.
    """
    files = _files(folder)
    if not files:
        raise FileNotFoundError(f'{folder} has no .parquet files, in data or '
                                'directly')
    pyarrow = require_pyarrow(files[0])
    from pyarrow import parquet
    pairs: list[Row] = []
    for path in files:
        try:
            with parquet.ParquetFile(path) as file:
                read = rows_of_batches(
                    folder, path, file.schema_arrow,
                    file.iter_batches(batch_size=_BATCH), reading)
        except (pyarrow.ArrowException, OSError) as error:
            raise ValueError(f'a Parquet file must be whole: {path} is not '
                             f'({error})') from error
        pairs += [dataclasses.replace(row, split=row.split or split_in_name(
            path.stem)) for row in read]
    return without_single_split(pairs)


def _files(folder: Path) -> list[Path]:
    places = [place for place in (folder, folder / 'data') if place.is_dir()]
    # img2dataset keeps a table beside each shard, which holds no pictures.
    return [path for place in places for path in visible_files(place)
            if path.suffix == '.parquet'
            and not path.with_suffix('.tar').is_file()
            and not path.with_suffix('').is_dir()]
