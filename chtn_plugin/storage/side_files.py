"""Keep arrays that are made of a file once, in a cache folder of ours.

What is worth keeping of a large file (a manifest's columns, where the members
of a shard lie) is written beside nothing of the user's: it goes to the cache
folder, under a key of the file's place, size, times and ends. It is
memory-mapped, so opening costs nothing and forked processes share it.
"""
from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Optional

import numpy as np

from .ownership import TEMPORARY, is_abandoned, temporary_path

#: Part of every key: raise it when arrays get another meaning.
FORMAT = 1
_META = 'meta.json'
_SUFFIX = '.column'
#: What all side files may fill; those unused for longest go first.
MAX_BYTES = 50 << 30
_END_BYTES = 1 << 16


def cache_root() -> Path:
    """Folder of what is kept: ``$CHTN_CACHE``, or the user's cache folder."""
    named = os.environ.get('CHTN_CACHE')
    if named:
        return Path(named)
    base = os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'
    return Path(base) / 'chtn_plugin'


def side_key(path: str | Path, purpose: Mapping[str, Any]) -> str:
    """Key of what is made of a file: another one once the file is written.

    Args:
        path: The file.
        purpose: What is made of it, with its options, in plain types.
    """
    path = Path(path)
    status = path.stat()
    with path.open('rb') as file:
        ends = file.read(_END_BYTES)
        file.seek(max(0, status.st_size - _END_BYTES))
        ends += file.read(_END_BYTES)
    stamp = [FORMAT, os.path.abspath(path), status.st_size,
             status.st_mtime_ns, status.st_ctime_ns,
             hashlib.sha256(ends).hexdigest(), purpose]
    return hashlib.sha256(json.dumps(stamp, sort_keys=True).encode()
                          ).hexdigest()[:32]


class SideArrays:
    """Arrays under a key, written once and memory-mapped from then on.

    Args:
        key: Of :func:`side_key`.
        source: The file that they are made of: once it is gone or written
            anew, they are swept.
        root: Folder of all; None: :func:`cache_root`'s ``side_files``.
        max_bytes: What all may fill.
    """

    def __init__(self, key: str, source: str | Path,
                 root: Optional[Path] = None,
                 max_bytes: int = MAX_BYTES) -> None:
        self.root = root or cache_root() / 'side_files'
        self.folder = self.root / key
        self.key = key
        self.source = os.path.abspath(source)
        self.max_bytes = max_bytes

    def read(self) -> Optional[tuple[dict[str, np.ndarray], dict[str, Any]]]:
        """Return the arrays, memory-mapped, and what was kept with them.

        None: they are not there, or damaged.
        """
        try:
            meta = json.loads((self.folder / _META).read_text('utf-8'))
            if meta['key'] != self.key:
                return None
            arrays = {name: _mapped(self.folder / f'{name}{_SUFFIX}', *shape)
                      for name, shape in meta['arrays'].items()}
            with suppress(OSError):
                # The time of the last use, by which they are dropped.
                os.utime(self.folder / _META)
            return arrays, meta['facts']
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def writer(self) -> SideWriter:
        """Begin to write them; see :class:`SideWriter`.

        Raises:
            OSError: The folder cannot be written.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        self.sweep()
        return SideWriter(self)

    def sweep(self) -> None:
        """Drop what was left half-written, is of no use, or is too much."""
        kept = []
        for path in self.root.iterdir():
            if path.name.endswith(TEMPORARY):
                if is_abandoned(path):
                    drop(path)
                continue
            meta = _meta_of(path)
            if meta is None:
                continue
            if _is_stale(meta):
                drop(path)
                continue
            # Another process may drop it meanwhile.
            with suppress(OSError):
                kept.append(((path / _META).stat().st_mtime,
                             sum(file.stat().st_size
                                 for file in path.iterdir()), path))
        total = sum(size for _, size, _ in kept)
        for _, size, path in sorted(kept, key=lambda one: one[0]):
            if total <= self.max_bytes:
                break
            drop(path)
            total -= size


class SideWriter:
    """Writes arrays piece by piece; they take their name once all is there.

    Used as a context: what an error interrupts leaves nothing behind, and of
    two processes that write the same the first one's stays.

    Args:
        side: What to write.
    """

    def __init__(self, side: SideArrays) -> None:
        self.side = side
        self.folder = temporary_path(side.folder)
        self.folder.mkdir()
        self._files: dict[str, BinaryIO] = {}
        self._kinds: dict[str, tuple[str, int]] = {}

    def append(self, name: str, rows: np.ndarray) -> None:
        """Add rows, of one dimension, to an array.

        Raises:
            OSError: The disk is full.
        """
        if name not in self._files:
            self._files[name] = (self.folder / f'{name}{_SUFFIX}').open('xb')
            self._kinds[name] = (rows.dtype.str, 0)
        self._files[name].write(np.ascontiguousarray(rows).data)
        kind, count = self._kinds[name]
        self._kinds[name] = (kind, count + len(rows))

    def finish(self, facts: Mapping[str, Any]
               ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Give the arrays their name.

        Args:
            facts: What to keep with them, in plain types.

        Returns:
            As :meth:`SideArrays.read`.

        Raises:
            OSError: The disk is full.
        """
        for file in self._files.values():
            file.flush()
            os.fsync(file.fileno())
            file.close()
        source = os.stat(self.side.source)
        meta = dict(key=self.side.key, arrays=self._kinds, facts=dict(facts),
                    source=[self.side.source, source.st_size,
                            source.st_mtime_ns])
        (self.folder / _META).write_text(json.dumps(meta), 'utf-8')
        with suppress(OSError):
            # Fails where another process was first: then its files stay.
            os.rename(self.folder, self.side.folder)
        stored = self.side.read()
        if stored is None:
            # A damaged one stands in its place.
            drop(self.side.folder)
            os.rename(self.folder, self.side.folder)
            stored = self.side.read()
        if stored is None:
            raise OSError(f'{self.side.folder} could not be read back')
        return stored

    def __enter__(self) -> SideWriter:
        return self

    def __exit__(self, kind: Optional[type[BaseException]],
                 error: Optional[BaseException],
                 traceback: Optional[TracebackType]) -> None:
        for file in self._files.values():
            file.close()
        drop(self.folder)


class HeldArrays:
    """Stands for :class:`SideWriter` where arrays are held in memory.

    Args:
        max_bytes: What they may fill; None: no limit.
        what: What they are, for the message.
    """

    def __init__(self, max_bytes: Optional[int] = None,
                 what: str = 'arrays') -> None:
        self.max_bytes = max_bytes
        self.what = what
        self._parts: dict[str, list[np.ndarray]] = {}
        self._bytes = 0

    def append(self, name: str, rows: np.ndarray) -> None:
        """Add rows to an array.

        Raises:
            ValueError: All would be larger than the limit.
        """
        self._bytes += rows.nbytes
        if self.max_bytes is not None and self._bytes > self.max_bytes:
            raise ValueError(
                f'{self.what} must take at most {self.max_bytes / 2**30:.3g} '
                'GiB of memory where no cache folder can be written: set '
                'CHTN_CACHE to a folder with space')
        self._parts.setdefault(name, []).append(rows)

    def finish(self, facts: Mapping[str, Any]
               ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return the arrays and facts."""
        return ({name: np.concatenate(parts)
                 for name, parts in self._parts.items()}, dict(facts))


def drop(folder: Path) -> None:
    """Delete a folder of side files; what else lies in it stays."""
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir(), key=lambda one: one.name == _META):
        if path.name == _META or path.suffix == _SUFFIX:
            path.unlink(missing_ok=True)
    with suppress(OSError):
        folder.rmdir()


def _mapped(path: Path, kind: str, count: int) -> np.ndarray:
    dtype = np.dtype(kind)
    if path.stat().st_size != count * dtype.itemsize:
        raise ValueError(f'{path} is cut')
    if not count:
        return np.zeros(0, dtype)
    # A plain array over the map: each slice of a np.memmap is one again,
    # which costs microseconds.
    return np.asarray(np.memmap(path, dtype, 'r'))


def _meta_of(folder: Path) -> Optional[dict[str, Any]]:
    """The stamp of a folder of side files; None: it is somebody else's."""
    try:
        meta = json.loads((folder / _META).read_text('utf-8'))
        return meta if meta['key'] == folder.name else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _is_stale(meta: Mapping[str, Any]) -> bool:
    try:
        path, size, time = meta['source']
        status = os.stat(path)
    except (OSError, ValueError, KeyError, TypeError):
        return True
    return (status.st_size, status.st_mtime_ns) != (size, time)
