"""Read rows of Arrow tables, from Parquet or the ``datasets`` library."""
from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Optional

from ...storage.files import atomic_write, sha256
from ...storage.pictures import format_name
from ...storage.tables import TableRow
from ..own_tables import Row, rows_of_cells
from .layout import UNPACKED, Reading

_SUFFIXES = {'JPEG': '.jpg', 'PNG': '.png', 'WEBP': '.webp', 'GIF': '.gif',
             'BMP': '.bmp', 'TIFF': '.tif', 'JPEG2000': '.jp2', 'PPM': '.ppm'}


def require_pyarrow(path: Path) -> Any:
    """Return pyarrow, which alone reads these files.

    Raises:
        ImportError: It is not installed; the message says how to get it.
    """
    try:
        import pyarrow
    except ImportError as error:
        raise ImportError(f'pyarrow reads {path}: '
                          'pip install -e .[parquet]') from error
    return pyarrow


def rows_of_batches(folder: Path, path: Path, schema: Any,
                    batches: Iterator[Any], reading: Reading) -> list[Row]:
    """Read record batches; write the pictures in them as files.

    A picture of N bytes becomes ``unpacked/<hash of the bytes>.jpg`` (or its
    own kind's ending), once however often it comes; in place it stays where
    it is, as ``<file>/<column>/<row>``.

    Args:
        folder: The user's folder.
        path: The file, for messages.
        schema: Its schema; class names are read from what ``datasets`` keeps
            there.
        batches: Its rows.
        reading: How to read.

    Raises:
        ValueError: A column is missing or of a kind that cannot be read.
    """
    names = _class_names(schema)
    rows: list[TableRow] = []
    for batch in batches:
        for cells in batch.to_pylist():
            where = f'{path}: row {len(rows)}'
            rows.append(TableRow(where, {
                name: _plain(
                    folder, name, value, names.get(name), where,
                    f'{path.relative_to(folder).as_posix()}/{name}/'
                    f'{len(rows)}' if reading.in_place else None)
                for name, value in cells.items()}))
    return rows_of_cells(rows, path, reading.columns, reading.label_separator,
                         reading.needs_label)


def _plain(folder: Path, name: str, value: Any,
           classes: Optional[list[str]], where: str,
           place: Optional[str]) -> Any:
    """A cell as tables of text have it; ``place``: leave pictures there."""
    if isinstance(value, dict) and {'bytes', 'path'} >= set(value):
        raw = value.get('bytes')
        if raw is None:
            return value.get('path')
        return place or _written(folder, raw)
    if isinstance(value, bytes):
        return place or _written(folder, value)
    if classes is not None and value is not None:
        numbers = value if isinstance(value, list) else [value]
        for number in numbers:
            if not isinstance(number, int) or not (
                    0 <= number < len(classes)):
                raise ValueError(
                    f'a class number must lie in [0, {len(classes)}): '
                    f'{name} is {value!r} at {where}')
        names = [classes[number] for number in numbers]
        return names if isinstance(value, list) else names[0]
    return value


def _written(folder: Path, picture: bytes) -> str:
    suffix = _SUFFIXES.get(format_name(picture) or '', '.picture')
    path = folder / UNPACKED / f'{sha256(picture)[:32]}{suffix}'
    if not path.is_file():
        path.parent.mkdir(exist_ok=True)
        with atomic_write(path) as file:
            file.write(picture)
    return path.relative_to(folder).as_posix()


def _class_names(schema: Any) -> dict[str, list[str]]:
    """Class names by column, where ``datasets`` has written them."""
    try:
        kept = json.loads((schema.metadata or {}).get(b'huggingface', b'{}'))
        features = kept.get('info', {}).get('features', {})
    except (ValueError, AttributeError):
        return {}
    names = {}
    for name, feature in features.items():
        if isinstance(feature, dict) and isinstance(
                feature.get('feature'), dict):
            feature = feature['feature']
        if isinstance(feature, dict) and isinstance(
                feature.get('names'), list):
            names[name] = [str(one) for one in feature['names']]
    return names
