"""Read an index's parts on disk, only as far as a query needs them."""
from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, overload

import numpy as np

from ..evaluation.exact_search import comparable_rows
from ..storage.arrays import ArrayFile
from ..storage.finite import nonfinite_rows
from ..storage.row_files import is_whole, open_rows, stamp
from .gallery_sources import ITEM_FIELDS, KINDS, Item

#: What is stored of an item, each field a column of its part.
COLUMNS = (*ITEM_FIELDS, 'classes', 'columns', 'stamp', 'source')
# Parts whose columns stay in memory: hits of one query are spread over few.
_KEPT_PARTS = 32


class Part:
    """Some thousand items, in files that never change.

    Columns (``.npz``: of each field a JSON list) and vectors (``.npy``, (R,
    D) float32, memory-mapped) lie apart. Parts of formats 2 and 3 hold
    vectors and a list of items in one ``.npz``.

    A file whose size and time are those noted when it was written is taken
    for whole: a hash of every vector would cost more than opening them. One
    that differs there (it was copied, restored, or damaged) is hashed before
    anything of it is used.

    Args:
        folder: The index.
        facts: The part's entry in ``index.json``.

    Raises:
        ValueError: A file is missing, or damaged.
    """

    def __init__(self, folder: Path, facts: dict[str, Any]) -> None:
        self.folder = folder
        self.facts = facts
        self.rows: int = facts['rows']
        for file in self._files():
            path = self._path(file)
            if not is_whole(path, file, trust_stamp=True):
                raise self._damaged(path)

    def verify(self) -> None:
        """Hash every file, whatever its time says.

        Raises:
            ValueError: One is missing, or damaged.
        """
        for file in self._files():
            path = self._path(file)
            if not is_whole(path, file):
                raise self._damaged(path)

    def note_times(self) -> None:
        """Take the files as they are now for whole, in the part's entry."""
        for file in self._files():
            file['stamp'] = stamp(self._path(file))

    def vectors(self) -> np.ndarray:
        """Return all vectors, (R, D) float32; memory-mapped since format 4."""
        stored = self.facts.get('vectors')
        if stored is None:
            return ArrayFile(self._path(self.facts), 'index part').numbers(
                'vectors')
        path = self._path(stored)
        try:
            rows = open_rows(path, self.rows)
        except (OSError, ValueError) as error:
            raise self._damaged(path) from error
        if rows.ndim != 2:
            raise self._damaged(path)
        return rows

    def column(self, field: str) -> list[Any]:
        """Read one field of all items."""
        arrays = ArrayFile(self._path(self.facts), 'index part')
        if 'items' in arrays:
            return [item.get(field) for item in _decoded(arrays['items'])]
        if field in ('columns', 'classes') and field not in arrays:
            # Parts of earlier versions keep neither.
            return [None] * self.rows
        return _decoded(arrays[field])

    def kinds(self) -> list[tuple[str, int]]:
        """Return kinds in order, each with the number of items on end."""
        if 'kinds' in self.facts:
            return [(kind, count) for kind, count in self.facts['kinds']]
        return runs(self.column('kind'))

    def _files(self) -> Iterator[dict[str, Any]]:
        yield self.facts
        if 'vectors' in self.facts:
            yield self.facts['vectors']

    def _path(self, file: dict[str, Any]) -> Path:
        return self.folder / Path(file['file']).name

    def _damaged(self, path: Path) -> ValueError:
        return ValueError(
            f'an index must be whole: {path} is '
            f'{"damaged" if path.is_file() else "missing"}. Delete '
            f'{self.folder} and build it anew')


class StoredItems(Sequence[Item]):
    """Items of parts, each read when it is asked for.

    Args:
        parts: The parts.
        kept: Rows that are not dropped, ascending, (G,).
        locate: Gives the path of a source's picture from the path as stored
            and the source's number. It looks at the disk, so only for what
            is asked for.
    """

    def __init__(self, parts: Sequence[Part], kept: np.ndarray,
                 locate: Callable[[str, int], str]) -> None:
        self._parts = parts
        self._kept = kept
        self._locate = locate
        self._ends = np.cumsum([part.rows for part in parts], dtype=np.int64)
        self._columns: OrderedDict[int, dict[str, list]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    @overload
    def __getitem__(self, place: int) -> Item: ...

    @overload
    def __getitem__(self, place: slice) -> list[Item]: ...

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return [self[at] for at in range(*place.indices(len(self)))]
        row = int(self._kept[place])
        number = int(np.searchsorted(self._ends, row, 'right'))
        first = self._ends[number] - self._parts[number].rows
        return self._item(self._cached(number), int(row - first),
                          ITEM_FIELDS)

    def __iter__(self) -> Iterator[Item]:
        return self.fields(ITEM_FIELDS)

    def fields(self, names: Sequence[str]) -> Iterator[Item]:
        """Give some fields of every item, in order; no others are read."""
        start = 0
        for part, end in zip(self._parts, self._ends.tolist(), strict=True):
            low, high = np.searchsorted(self._kept, (start, end))
            columns = self._read(part, names)
            for row in (self._kept[low:high] - start).tolist():
                yield self._item(columns, row, names)
            start = end

    def _cached(self, number: int) -> dict[str, list]:
        if number not in self._columns:
            self._columns[number] = self._read(self._parts[number],
                                               ITEM_FIELDS)
            while len(self._columns) > _KEPT_PARTS:
                self._columns.popitem(last=False)
        self._columns.move_to_end(number)
        return self._columns[number]

    @staticmethod
    def _read(part: Part, names: Sequence[str]) -> dict[str, list]:
        wanted = (*names, 'source') if 'path' in names else names
        return {name: part.column(name) for name in wanted}

    def _item(self, columns: dict[str, list], row: int,
              names: Sequence[str]) -> Item:
        item = {name: columns[name][row] for name in names}
        if item.get('path'):
            item['path'] = self._locate(item['path'], columns['source'][row])
        return item


class StoredVectors:
    """Vectors of parts by kind, brought together when they are searched.

    Args:
        parts: The parts.
        kept: Rows that are not dropped, ascending, (G,).
        size: D.
        similarity: ``'cosine'`` or ``'dot'``.
    """

    def __init__(self, parts: Sequence[Part], kept: np.ndarray, size: int,
                 similarity: str) -> None:
        self.parts = parts
        self.size = size
        self.similarity = similarity
        self._kept = kept
        #: Rows of each kind in the gallery, (G_kind,).
        self.places = self._placed()

    def gather(self, kind: str) -> np.ndarray:
        """Read vectors of a kind, (G, D), column by column, to be compared.

        One part after the other is read, so little is held twice.

        Raises:
            ValueError: A vector is not finite; the message names the item.
        """
        places = self.places[kind]
        rows = np.empty((len(places), self.size), np.float32, order='F')
        wanted = self._kept[places]
        start = 0
        for part in self.parts:
            low, high = np.searchsorted(wanted, (start, start + part.rows))
            if low < high:
                stored = part.vectors()
                chosen = wanted[low:high] - start
                picks = np.asarray(stored if len(chosen) == part.rows
                                   else stored[chosen])
                rows[low:high] = comparable_rows(picks, self.similarity)
                self._check(part, chosen, picks, rows[low:high])
            start += part.rows
        return rows

    def _placed(self) -> dict[str, np.ndarray]:
        pieces: dict[str, list[np.ndarray]] = {kind: [] for kind in KINDS}
        start = 0
        for part in self.parts:
            for kind, count in part.kinds():
                low, high = np.searchsorted(self._kept,
                                            (start, start + count))
                pieces[kind].append(np.arange(low, high))
                start += count
        return {kind: np.concatenate([np.zeros(0, np.int64), *parts])
                for kind, parts in pieces.items()}

    @staticmethod
    def _check(part: Part, chosen: np.ndarray, *rows: np.ndarray) -> None:
        for each in rows:
            broken = nonfinite_rows(each)
            if len(broken):
                row = int(chosen[broken[0]])
                raise ValueError(
                    'vectors of a gallery must be finite in float32: that of '
                    f'{part.column("kind")[row]} {part.column("id")[row]!r} '
                    f'(row {row} of {part.facts["file"]}) is not')


def columns_of(items: Sequence[Item]) -> dict[str, Any]:
    """Make the arrays of a part: of each field a JSON list, as bytes."""
    return {field: np.frombuffer(
        json.dumps([item.get(field) for item in items]).encode(), np.uint8)
        for field in COLUMNS}


def runs(kinds: Sequence[str]) -> list[tuple[str, int]]:
    """Count equal values on end."""
    return [(kind, len(list(same))) for kind, same in groupby(kinds)]


def _decoded(column: np.ndarray) -> list[Any]:
    return json.loads(column.tobytes().decode())
