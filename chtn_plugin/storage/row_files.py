"""Write rows to a file that never changes, and map it when they are read.

The feature cache (:mod:`~chtn_plugin.storage.row_store`) and the search
index (:mod:`~chtn_plugin.apis.index_store`) are made of such files, and share
no more: a cache has many writers, no order, and forgets a damaged file, whose
rows it computes anew; an index has one writer, keeps the order of its items,
and refuses a damaged file, whose rows nobody can make without the model.
"""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .files import atomic_write, sha256


def write_rows(path: Path, rows: np.ndarray) -> dict[str, Any]:
    """Write rows whole or not at all.

    Args:
        path: The ``.npy`` file.
        rows: (R, ...) of a plain number type.

    Returns:
        What :func:`file_facts` notes of the file.
    """
    with atomic_write(path) as file:
        np.save(file, np.ascontiguousarray(rows), allow_pickle=False)
    return file_facts(path)


def open_rows(path: Path, count: int) -> np.ndarray:
    """Map the rows of a file, (R, ...), on disk until they are touched.

    Args:
        path: The ``.npy`` file.
        count: R as noted elsewhere.

    Raises:
        ValueError: The file is damaged, or has other than ``count`` rows.
        OSError: It cannot be read.
    """
    try:
        rows = np.load(path, mmap_mode='r', allow_pickle=False)
    except EOFError as error:
        raise ValueError(f'{path} is empty') from error
    if rows.shape[:1] != (count, ):
        raise ValueError(f'{path} must hold {count} rows, has shape '
                         f'{rows.shape}')
    return rows


def stamp(path: Path) -> str:
    """Return size and time of a file, by which a change of it shows."""
    status = path.stat()
    return f'{status.st_size}:{status.st_mtime_ns}'


def file_facts(path: Path) -> dict[str, Any]:
    """Note of a file by what it is known to be whole.

    Args:
        path: The file.

    Returns:
        ``file`` (its name), ``sha256`` and ``stamp``.
    """
    return dict(file=path.name, sha256=sha256(path), stamp=stamp(path))


def is_whole(path: Path, facts: Mapping[str, Any],
             trust_stamp: bool = False) -> bool:
    """Tell whether a file is there, and as it was written.

    Args:
        path: The file.
        facts: As :func:`file_facts` returned them.
        trust_stamp: Take a file of the noted size and time for whole. To
            hash all vectors of an index costs more than to open them.
    """
    if not path.is_file():
        return False
    if trust_stamp and stamp(path) == facts.get('stamp'):
        return True
    return sha256(path) == facts['sha256']
