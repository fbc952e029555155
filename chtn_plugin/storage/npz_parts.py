"""Join .npz files of parts to one, row behind row, without loading them."""
from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Optional

import numpy as np

from .files import atomic_write

# Bytes of rows that are held at once.
_HELD = 16 << 20


@dataclass(frozen=True)
class _Part:
    """An array of a part: its header, read; its rows still in the file."""
    path: Path
    name: str
    dtype: np.dtype
    shape: tuple[int, ...]

    def rows(self) -> Iterator[np.ndarray]:
        """Yield the rows, some MiB at a time."""
        row = self.dtype.itemsize * int(np.prod(self.shape[1:], dtype=int))
        step = max(1, _HELD // max(row, 1))
        with zipfile.ZipFile(self.path) as archive, archive.open(
                f'{self.name}.npy') as file:
            _header(file)
            left = self.shape[0]
            while left:
                count = min(step, left)
                raw = file.read(count * row)
                if len(raw) != count * row:
                    raise ValueError(f'a part must be whole: {self.path} is '
                                     f'cut within {self.name}')
                yield np.frombuffer(raw, self.dtype).reshape(
                    count, *self.shape[1:])
                left -= count


def join_parts(paths: Sequence[Path], out: str | Path,
               once: Mapping[str, np.ndarray],
               leave: Callable[[str, int], bool] = lambda name, size: False,
               is_ends: Callable[[str], bool] = lambda name: False
               ) -> dict[str, int]:
    """Write one ``.npz`` of the arrays of several, row behind row.

    Some MiB are held at once, however large the parts are. Arrays of
    different kinds of number, or lengths of text, get one that holds both.

    Args:
        paths: The parts, ``.npz`` files, in order.
        out: The file to write; whole or not at all.
        once: Arrays that stand in it once, in place of the parts' own.
        leave: Tells by name and bytes whether an array is left out.
        is_ends: Tells by name whether an array says where the rows of
            another begin, from 0, and last where they end: those of later
            parts are counted on.

    Returns:
        Rows by name of the array; -1: it was left out.

    Raises:
        ValueError: A part is damaged, or arrays of one name differ in more
            than their rows; the message names it.
    """
    parts: dict[str, list[_Part]] = {}
    for path in paths:
        for part in _arrays_of(path):
            if part.name not in once:
                parts.setdefault(part.name, []).append(part)
    rows: dict[str, int] = {}
    with ExitStack() as stack:
        file = stack.enter_context(atomic_write(out))
        archive = stack.enter_context(zipfile.ZipFile(
            file, 'w', zipfile.ZIP_STORED, allowZip64=True))
        for name, several in parts.items():
            dtype = np.result_type(*(part.dtype for part in several))
            tail = several[0].shape[1:]
            for part in several:
                if part.shape[1:] != tail:
                    raise ValueError(
                        'parts must have rows of one size: '
                        f'{name} has {tail} in {several[0].path} and '
                        f'{part.shape[1:]} in {part.path}')
            ends = is_ends(name)
            # The first number of a later part is the last of the one before.
            count = sum(part.shape[0] for part in several) - (
                ends * (len(several) - 1))
            size = count * dtype.itemsize * int(np.prod(tail, dtype=int))
            if leave(name, size):
                rows[name] = -1
                continue
            rows[name] = count
            with archive.open(f'{name}.npy', 'w', force_zip64=True) as target:
                np.lib.format.write_array_header_2_0(target, dict(
                    descr=np.lib.format.dtype_to_descr(dtype),
                    fortran_order=False, shape=(count, *tail)))
                before = np.zeros((), dtype)
                for number, part in enumerate(several):
                    start, skip = before, ends and number > 0
                    for chunk in part.rows():
                        if ends:
                            chunk = chunk[int(skip):] + start
                            skip = False
                            before = chunk[-1] if len(chunk) else before
                        target.write(chunk.astype(dtype, copy=False).data)
        for name, array in once.items():
            with archive.open(f'{name}.npy', 'w', force_zip64=True) as target:
                np.lib.format.write_array(target, np.asarray(array),
                                          allow_pickle=False)
    return rows


def _arrays_of(path: Path) -> Iterator[_Part]:
    try:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                with archive.open(info) as file:
                    dtype, shape = _header(file)
                if shape:
                    yield _Part(path, info.filename.removesuffix('.npy'),
                                dtype, shape)
    except (zipfile.BadZipFile, OSError, ValueError, EOFError) as error:
        raise ValueError(f'a part must be a whole .npz file: {path} is not '
                         f'({error})') from error


def _header(file: IO[bytes]) -> tuple[np.dtype, tuple[int, ...]]:
    """Read what stands before an array's rows."""
    version = np.lib.format.read_magic(file)
    read: Optional[Any] = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0}.get(version)
    if read is None:
        raise ValueError(f'version {version} of the .npy format is not read')
    shape, is_fortran, dtype = read(file)
    if dtype.hasobject or (is_fortran and len(shape) > 1):
        raise ValueError('arrays must be of plain types, in rows')
    return dtype, shape
