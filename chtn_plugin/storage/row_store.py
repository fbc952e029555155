"""Store rows of arrays on disk under the hash of their source's content."""
from __future__ import annotations

import json
import os
import re
import time
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Optional

import numpy as np

from .files import atomic_write
from .ownership import is_abandoned
from .row_files import is_whole, open_rows, write_rows
from .shards import file_sha256

#: Part of every key: raise it when rows get another meaning or layout.
FORMAT = 1
_META = 'meta.json'
# How often to begin anew where another process drops a store.
_TRIES = 5
# What comes of writing into a store that another process drops meanwhile: to
# make a folder says that it exists, and then it does no more.
_DROPPED = (FileNotFoundError, FileExistsError)
_SHARD = re.compile(r'\d+-\d+\.(?:npy|json)')


class FeatureStore:
    """Rows of one size under one key, in files that never change.

    A store is a folder ``<root>/<key>``. Rows are added in *shards*: a
    ``.npy`` and a ``.json`` with the rows' names and the checksum, each
    written under a temporary name first. Nothing that is there is ever
    written to, so any number of processes may read and add at once; at worst
    two add the same row. Shards are memory-mapped, and hashed whenever they
    are opened: a run that learned from damaged rows would not notice.

    Args:
        root: Folder of all stores.
        key: Hash of everything besides the name that a row depends on.
        description: What the key stands for, kept for people.
        max_bytes: What all stores of ``root`` may fill together. Stores
            unused for longest go first; None: no limit.
    """

    def __init__(self, root: str | Path, key: str,
                 description: Optional[Mapping[str, Any]] = None,
                 max_bytes: Optional[int] = None) -> None:
        self.root = Path(root)
        self.key = key
        self.folder = self.root / key[:32]
        self.max_bytes = max_bytes
        self._shards: list[np.ndarray] = []
        # Of each shard the number of its first row, counted over all shards.
        self._firsts: list[int] = []
        self._count = 0
        self._rows: dict[str, int] = {}
        self._seen: set[str] = set()
        self._description = dict(description or {}, key=key)
        self._claim()
        for path in _entries(self.folder):
            if is_abandoned(path):
                path.unlink(missing_ok=True)
        self.refresh()

    def _claim(self) -> None:
        """Write the stamp where it is not, and note the time of this use.

        Another process may drop the store at any moment.
        """
        meta = self.folder / _META
        for _ in range(_TRIES):
            if not meta.is_file():
                # Two at once write the same.
                with suppress(*_DROPPED), atomic_write(
                        meta, 'w', encoding='utf-8') as file:
                    json.dump(self._description, file, indent=2, default=str,
                              ensure_ascii=False)
            try:
                stamp = json.loads(meta.read_text('utf-8'))
                if not isinstance(stamp, dict) or stamp.get('key') != (
                        self.key):
                    raise ValueError(f'{self.folder} belongs to another key')
                os.utime(meta)
            except FileNotFoundError:
                continue
            except json.JSONDecodeError as error:
                raise ValueError(f'{self.folder} belongs to another key'
                                 ) from error
            return

    def refresh(self) -> None:
        """Take in what other processes have added."""
        for path in _entries(self.folder):
            if (path.suffix == '.json' and _SHARD.fullmatch(path.name)
                    and path.name not in self._seen):
                self._seen.add(path.name)
                self._open(path)

    def _open(self, path: Path) -> None:
        data = path.with_suffix('.npy')
        try:
            index = json.loads(path.read_text(encoding='utf-8'))
            if not is_whole(data, index):
                raise ValueError('checksum differs')
            rows = open_rows(data, len(index['names']))
        except (OSError, ValueError, KeyError, TypeError):
            # Damaged on disk: forget it, its rows are computed anew.
            data.unlink(missing_ok=True)
            path.unlink(missing_ok=True)
            return
        self._take(index['names'], rows)

    def _take(self, names: list[str], rows: np.ndarray) -> None:
        # One number a row, not a pair of shard and row: a million tuples
        # cost more to make, and to be gone through by the garbage collector,
        # than the names cost to be read.
        self._rows.update(zip(names, range(
            self._count, self._count + len(names)), strict=True))
        self._firsts.append(self._count)
        self._count += len(names)
        self._shards.append(rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, name: str) -> bool:
        return name in self._rows

    def __getitem__(self, name: str) -> np.ndarray:
        """One row, (D,), read-only and on disk until it is touched."""
        row = self._rows[name]
        shard = bisect_right(self._firsts, row) - 1
        return self._shards[shard][row - self._firsts[shard]]

    def add(self, names: list[str], rows: np.ndarray) -> None:
        """Add rows, in one shard.

        Args:
            names: A name for each row.
            rows: (N, D) of a plain number type.

        Raises:
            ValueError: Names and rows differ in number, or the rows do not
                fit into the limit.
        """
        if len(names) != len(rows):
            raise ValueError(f'each row needs a name, got {len(names)} names '
                             f'for {len(rows)} rows')
        if not len(names):
            return
        self._make_room(rows.nbytes)
        for _ in range(_TRIES):
            # Where another process drops the store meanwhile, once more.
            with suppress(*_DROPPED):
                self._claim()
                self._take(names, self._written(names, rows))
                return
        # They are not kept, but this process has them.
        self._take(names, np.array(rows))

    def _written(self, names: list[str], rows: np.ndarray) -> np.ndarray:
        # Named by process and time: nobody else writes this file.
        stem = f'{time.time_ns()}-{os.getpid()}'
        data = self.folder / f'{stem}.npy'
        facts = write_rows(data, rows)
        # The index comes last: a shard without it does not exist.
        with atomic_write(data.with_suffix('.json'), 'w',
                          encoding='utf-8') as file:
            # Written at once: json.dump would do so name by name, in Python.
            file.write(json.dumps(dict(names=names, sha256=facts['sha256'])))
        # Others' rows wait for the next refresh: to list the folder at each
        # of many additions would be quadratic.
        self._seen.add(f'{stem}.json')
        return open_rows(data, len(names))

    def adder(self, rows: int = 1024, seconds: float = 30.) -> RowAdder:
        """Collect small batches to shards worth having; see RowAdder."""
        return RowAdder(self, rows, seconds)

    def _make_room(self, needed: int) -> None:
        if self.max_bytes is None:
            return
        if _store_bytes(self.folder) + needed > self.max_bytes:
            raise ValueError(
                f'the feature cache may fill {self.max_bytes / 1e9:.3g} GB: '
                f'{self.folder} has {_store_bytes(self.folder) / 1e9:.3g} GB '
                f'and needs {needed / 1e9:.3g} GB more')
        stores = {folder: _store_bytes(folder) for folder in stores_in(
            self.root)}
        total = sum(stores.values())
        for folder in sorted(set(stores) - {self.folder}, key=_last_use):
            if total + needed <= self.max_bytes:
                break
            _drop(folder)
            total -= stores[folder]

    def __getstate__(self) -> dict[str, Any]:
        # A worker opens the files itself; a copied map would be the data.
        return dict(self.__dict__, _shards=[], _firsts=[], _count=0, _rows={},
                    _seen=set())

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.refresh()


class RowAdder:
    """Adds rows that come in small batches as shards of many.

    Each shard is a file and a map: a million rows by 64 would be more maps
    than a process may have. A kill costs what came since the last shard.

    Args:
        store: Where they go.
        num_rows: Rows that make a shard.
        seconds: A shard is written once so much time has passed, too.
    """

    def __init__(self, store: FeatureStore, num_rows: int,
                 seconds: float) -> None:
        self.store = store
        self.num_rows = num_rows
        self.seconds = seconds
        self._names: list[str] = []
        self._rows: list[np.ndarray] = []
        self._since = time.monotonic()

    def add(self, names: list[str], rows: np.ndarray) -> None:
        """Take rows; see :meth:`FeatureStore.add`."""
        self._names += names
        self._rows.append(rows)
        if (len(self._names) >= self.num_rows
                or time.monotonic() - self._since > self.seconds):
            self.flush()

    def flush(self) -> None:
        """Write what was taken."""
        if self._names:
            self.store.add(self._names, np.concatenate(self._rows))
        self._names, self._rows = [], []
        self._since = time.monotonic()

    def __enter__(self) -> RowAdder:
        return self

    def __exit__(self, *error: object) -> None:
        # After an error too: what was computed is right.
        self.flush()


def stores_in(root: Path) -> Iterator[Path]:
    """Yield the stores of a folder: those whose stamp has their name's key.

    A folder of the user's may have a ``meta.json`` too.

    Args:
        root: Folder of all stores.
    """
    for path in sorted(root.glob(f'*/{_META}')):
        try:
            stamp = json.loads(path.read_text(encoding='utf-8'))
        except (OSError, ValueError):
            continue
        key = stamp.get('key') if isinstance(stamp, dict) else None
        if isinstance(key, str) and len(key) >= 32 and (
                key[:32] == path.parent.name):
            yield path.parent


def _last_use(folder: Path) -> float:
    try:
        return (folder / _META).stat().st_mtime
    except FileNotFoundError:
        return 0.  # another process has just dropped it


def _own_files(folder: Path) -> list[Path]:
    """The files of a store; whatever else lies there is the user's."""
    return [path for path in _entries(folder) if path.name == _META
            or _SHARD.fullmatch(path.name)]


def _entries(folder: Path) -> list[Path]:
    """What lies in a folder, by name; nothing once it is dropped."""
    try:
        return [folder / name for name in sorted(os.listdir(folder))]
    except FileNotFoundError:
        return []


def _drop(folder: Path) -> None:
    """Delete a store, its stamp last: cut off, it is dropped the next time."""
    for path in sorted(_own_files(folder), key=lambda path: (
            path.name == _META, path.suffix == '.npy')):
        path.unlink(missing_ok=True)
    with suppress(OSError):
        folder.rmdir()  # only where nothing else is in it


def folder_bytes(root: Path) -> int:
    """Return the bytes that the stores of a folder fill together."""
    return sum(map(_store_bytes, stores_in(root)))


def _store_bytes(folder: Path) -> int:
    total = 0
    for path in _own_files(folder):
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            continue  # another process has just dropped it
    return total


def content_hashes(paths: Iterable[str]) -> dict[str, str]:
    """Return the SHA-256 of each file's bytes, by path."""
    from tqdm import tqdm
    return {path: file_sha256(path)
            for path in tqdm(sorted(set(paths)), 'hash', unit='image',
                             disable=None)}

