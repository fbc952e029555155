"""Read the files that lie in shards where they lie: tar, Parquet, Arrow.

A path may lead into a shard: ``00000.tar/000000012.jpg`` is a member of a tar
file, ``train-0.parquet/image/7`` the bytes of column ``image`` in row 7. All
that reads pictures takes such paths beside those of files. Nothing is
unpacked: an index, made once a shard and kept in the cache folder, says where
each member lies, so any order of reading costs the same.
"""
from __future__ import annotations

import hashlib
import os
import re
import tarfile
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Optional, Union

import numpy as np

from .files import sha256
from .side_files import HeldArrays, SideArrays, side_key
from .text_column import TextColumn, ends_of, packed

_IN_SHARD = re.compile(r'(.+?\.(?:tar|parquet|arrow))/(.+)',
                       re.IGNORECASE | re.DOTALL)
# Shards of fewer members are indexed anew by each process.
_KEPT_MEMBERS = 64
# Shards that a process holds open.
_OPEN = 64
# Decoded row groups of Parquet files that a process holds.
_GROUPS = 4
_BLOCK = 512
_SEEKING = threading.Lock()


def parted(path: str | Path) -> Optional[tuple[str, str]]:
    """Part a path that leads into a shard; None: it leads to a file.

    >>> parted('data/00000.tar/7.jpg')
    ('data/00000.tar', '7.jpg')

    Returns:
        The shard, and the member within it.
    """
    match = _IN_SHARD.fullmatch(os.fspath(path))
    # A folder may have such a name, too.
    return ((match[1], match[2])
            if match and os.path.isfile(match[1]) else None)


def file_bytes(path: str | Path) -> bytes:
    """Read a file, or a member of a shard.

    Raises:
        FileNotFoundError: There is none.
        ValueError: The shard is cut or damaged; the message names it.
        ImportError: The shard needs pyarrow, which is not installed.
    """
    place = parted(path)
    if place is None:
        with open(path, 'rb') as file:
            return file.read()
    return opened(place[0]).read(place[1])


def file_size(path: str | Path) -> int:
    """Bytes of a file, or of a member of a shard.

    Raises:
        FileNotFoundError, ValueError, ImportError: As :func:`file_bytes`.
    """
    place = parted(path)
    return (os.stat(path).st_size if place is None
            else opened(place[0]).size(place[1]))


def is_file(path: str | Path) -> bool:
    """Whether there is such a file, or such a member of a shard.

    Raises:
        ValueError, ImportError: As :func:`file_bytes`.
    """
    place = parted(path)
    if place is None:
        return os.path.isfile(path)
    return place[1] in opened(place[0])


def file_sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file or of a member of a shard.

    Raises:
        FileNotFoundError, ValueError, ImportError: As :func:`file_bytes`.
    """
    return sha256(path if parted(path) is None else file_bytes(path))


def file_of(path: str | Path) -> str:
    """The file on disk that holds a path: itself, or the shard."""
    place = parted(path)
    return os.fspath(path) if place is None else place[0]


class TarShard:
    """The members of a tar file, read in any order.

    Args:
        path: The file. It must not be compressed, or nothing in it could be
            found without unpacking what stands before.

    Raises:
        ValueError: It is compressed, cut or damaged, holds a member twice,
            or one whose name leads out.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        side = SideArrays(side_key(path, dict(shard='tar')), path)
        kept = side.read()
        if kept is None:
            members = list(_members(path))
            arrays = _index(path, members)
            if len(members) >= _KEPT_MEMBERS:
                arrays = _kept(side, arrays)
        else:
            arrays = kept[0]
        self._digests = arrays['digest']
        self._offsets, self._sizes = arrays['offset'], arrays['size']
        self.names = TextColumn(arrays['name_bytes'], arrays['name_ends'])
        self._file = os.open(path, os.O_RDONLY | getattr(os, 'O_BINARY', 0))

    def __del__(self) -> None:
        if hasattr(self, '_file'):
            os.close(self._file)

    def __contains__(self, name: str) -> bool:
        return self._place(name) is not None

    def in_order(self) -> list[str]:
        """Names of the members as they stand in the file."""
        return [self.names[int(place)]
                for place in np.argsort(self._offsets, kind='stable')]

    def read(self, name: str) -> bytes:
        """Return a member's bytes.

        Raises:
            FileNotFoundError: There is none of that name.
            ValueError: The shard was cut since it was indexed.
        """
        place = self._found(name)
        size = int(self._sizes[place])
        data = _read_at(self._file, size, int(self._offsets[place]))
        if len(data) != size:
            raise ValueError(f'a shard must be whole: {self.path} is cut '
                             f'within {name}')
        return data

    def size(self, name: str) -> int:
        """Bytes of a member.

        Raises:
            FileNotFoundError: There is none of that name.
        """
        return int(self._sizes[self._found(name)])

    def _found(self, name: str) -> int:
        place = self._place(name)
        if place is None:
            raise FileNotFoundError(2, 'no such member of the shard',
                                    f'{self.path}/{name}')
        return place

    def _place(self, name: str) -> Optional[int]:
        digest = _digest(name)
        # With a Python number NumPy would compare floating point copies of
        # the whole index: slow, and too coarse to tell neighbours apart.
        place = int(np.searchsorted(self._digests, np.uint64(digest)))
        while place < len(self._digests) and self._digests[place] == digest:
            if self.names[place] == name:
                return place
            place += 1
        return None


def _read_at(file: int, size: int, offset: int) -> bytes:
    # Unlike seek and read, pread can be done by forked processes at once.
    if hasattr(os, 'pread'):
        return os.pread(file, size, offset)
    # Windows has none, and no fork either: only threads share the file.
    with _SEEKING:
        os.lseek(file, offset, os.SEEK_SET)
        return os.read(file, size)


class ArrowShard:
    """The bytes in the columns of a Parquet or Arrow file, by row.

    A member is ``COLUMN/ROW``, the row counted from 0. Rows of an Arrow file
    lie ready in it; of a Parquet file the whole row group is decoded, and
    the last ones are held, so that neighbours cost little and a row from
    elsewhere costs its row group.

    Args:
        path: The file.

    Raises:
        ImportError: pyarrow is not installed.
        ValueError: The file is cut or damaged.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._groups: OrderedDict[tuple[int, str], Any] = OrderedDict()
        try:
            import pyarrow
        except ImportError as error:
            raise ImportError(f'pyarrow reads {path}: '
                              'pip install -e .[parquet]') from error
        self._errors = (pyarrow.ArrowException, OSError)
        try:
            if path.lower().endswith('.parquet'):
                from pyarrow import parquet
                self._file = parquet.ParquetFile(path, memory_map=True)
                meta = self._file.metadata
                counts = [meta.row_group(number).num_rows
                          for number in range(meta.num_row_groups)]
                self._table, schema = None, self._file.schema_arrow
            else:
                source = pyarrow.memory_map(path)
                self._table = pyarrow.ipc.open_stream(source).read_all()
                schema = self._table.schema
                counts = [self._table.num_rows]
        except self._errors as error:
            raise self._broken(error) from error
        self._names = frozenset(schema.names)
        self._ends = ends_of(np.array(counts, np.int64))

    def __contains__(self, name: str) -> bool:
        # Of the row's place alone: the bytes may be a row group away.
        column, _, number = name.rpartition('/')
        return column in self._names and self._row(number) is not None

    def read(self, name: str) -> bytes:
        """Return the bytes of a cell.

        Raises:
            FileNotFoundError: There is no such row or column, or nothing in
                it.
            ValueError: The file is damaged there.
        """
        value = self._cell(name).as_py()
        if isinstance(value, dict):
            # Hugging Face's pictures: bytes and path.
            value = value.get('bytes')
        if not isinstance(value, bytes):
            raise FileNotFoundError(2, 'no picture in the cell',
                                    f'{self.path}/{name}')
        return value

    def size(self, name: str) -> int:
        """Bytes of a cell.

        Raises:
            FileNotFoundError, ValueError: As :meth:`read`.
        """
        return len(self.read(name))

    def _cell(self, name: str) -> Any:
        column, _, number = name.rpartition('/')
        row = self._row(number)
        if row is None or column not in self._names:
            raise FileNotFoundError(2, 'no such row or column of the shard',
                                    f'{self.path}/{name}')
        group = int(np.searchsorted(self._ends, row, 'right')) - 1
        return self._column(group, column)[row - int(self._ends[group])]

    def _row(self, number: str) -> Optional[int]:
        if not number.isascii() or not number.isdigit():
            return None
        row = int(number)
        return row if row < self._ends[-1] else None

    def _column(self, group: int, column: str) -> Any:
        if self._table is not None:
            return self._table[column]
        key = group, column
        if key not in self._groups:
            try:
                self._groups[key] = self._file.read_row_group(
                    group, [column])[column]
            except self._errors as error:
                raise self._broken(error) from error
        self._groups.move_to_end(key)
        while len(self._groups) > _GROUPS:
            self._groups.popitem(last=False)
        return self._groups[key]

    def _broken(self, error: Exception) -> ValueError:
        return ValueError(f'a shard must be whole: {self.path} is cut or '
                          f'damaged ({error})')


@lru_cache(_OPEN)
def _opened(path: str, stamp: tuple[int, int]) -> Union[TarShard, ArrowShard]:
    return (TarShard if path.lower().endswith('.tar') else ArrowShard)(path)


def opened(path: str | Path) -> Any:
    """Return an open shard; the latest ones stay open.

    Args:
        path: A ``.tar``, ``.parquet`` or ``.arrow`` file.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError, ImportError: As :class:`TarShard`, :class:`ArrowShard`.
    """
    status = os.stat(path)
    return _opened(os.fspath(path), (status.st_size, status.st_mtime_ns))


def _members(path: str) -> Iterator[tuple[str, int, int]]:
    """Name, place and size of each file in a tar file."""
    try:
        with tarfile.open(path, 'r:') as archive:
            while (member := archive.next()) is not None:
                # tarfile would keep a list of them all.
                archive.members = []  # type: ignore[attr-defined]
                if not member.isreg() or member.issparse():
                    continue
                name = member.name.removeprefix('./')
                if name.startswith('/') or '..' in name.split('/'):
                    raise ValueError('a member must stay inside its shard: '
                                     f'{member.name!r} of {path} does not')
                yield name, member.offset_data, member.size
            end = archive.offset
    except (tarfile.TarError, EOFError) as error:
        with open(path, 'rb') as file:
            start = file.read(6)
        packed_by = next((name for mark, name in (
            (b'\x1f\x8b', 'gzip'), (b'BZh', 'bzip2'),
            (b'\xfd7zXZ', 'xz'), (b'\x28\xb5\x2f\xfd', 'zstd'))
            if start.startswith(mark)), None)
        if packed_by:
            raise ValueError(
                'a shard must not be compressed to be read where it lies: '
                f'{path} is, by {packed_by}') from error
        raise ValueError(f'a shard must be whole: {path} is cut or damaged '
                         f'({error})') from error
    with open(path, 'rb') as file:
        # Where tarfile stopped: before the zeros that end an archive.
        file.seek(end)
        if file.read(_BLOCK) != bytes(_BLOCK):
            raise ValueError(f'a shard must be whole: {path} is cut, its end '
                             'mark is missing')


def _index(path: str, members: Sequence[tuple[str, int, int]]
           ) -> dict[str, np.ndarray]:
    digests = np.array([_digest(name) for name, _, _ in members], np.uint64)
    order = np.argsort(digests, kind='stable')
    names = [members[place][0] for place in order.tolist()]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError('a member must stand once in its shard: '
                         f'{twice!r} stands twice in {path}')
    values, lengths = packed(names)
    return dict(
        digest=digests[order], name_bytes=values, name_ends=ends_of(lengths),
        offset=np.array([members[place][1] for place in order], np.int64),
        size=np.array([members[place][2] for place in order], np.int64))


def _kept(side: SideArrays, arrays: dict[str, np.ndarray]
          ) -> dict[str, np.ndarray]:
    """Keep an index for the next process, where that can be done."""
    try:
        with side.writer() as writer:
            for name, rows in arrays.items():
                writer.append(name, rows)
            return writer.finish({})[0]
    except OSError:
        # The index is made anew each time, which costs a reading of headers.
        held = HeldArrays()
        for name, rows in arrays.items():
            held.append(name, rows)
        return held.finish({})[0]


def _digest(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(
        name.encode(errors='surrogateescape'), digest_size=8).digest(),
        'little')
