"""The rows of a manifest, held as columns."""
from __future__ import annotations

import copy
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Optional, Protocol, Union, overload

import numpy as np

from ..storage.side_files import HeldArrays
from ..storage.text_column import TextColumn, packed

#: Names of classes are held in memory, one object each.
MAX_CLASSES = 5_000_000
MAX_SPLITS = 10_000
# Rows that are made to records together while all are gone through.
_CHUNK = 4096
# Fields of a class column whose codes are remembered.
_REMEMBERED = 1 << 17


@dataclass(frozen=True)
class PairRecord:
    """One row of a manifest.

    Attributes:
        id: Unique name of the pair within the manifest.
        split: Name of the split it belongs to, such as ``'train'``.
        classes: Its class names: one, or several for multi-label data;
            empty where the pair has no class.
        image: Path of the image relative to the data root; None where the
            row is a text without an image.
        texts: Its texts, in file order; empty where the row is an image
            without a text.
        where: ``file:line`` of the row, for messages.
        other: Further cells by the name of their column, which the manifest
            keeps for filters. A manifest that was read has them in its file
            alone; see :func:`~chtn_plugin.datasets.manifest.other_columns`.
    """
    id: str
    split: str
    classes: tuple[str, ...]
    image: Optional[str]
    texts: tuple[str, ...]
    where: str
    other: tuple[tuple[str, str], ...] = field(default=(), compare=False)


class Manifest(Sequence[PairRecord]):
    """The rows of a manifest: a sequence of records, held as columns.

    A record is made when it is asked for. What goes over all rows uses the
    columns: N rows, T texts and M classes of all rows together.

    Attributes:
        ids: Names of the pairs, N.
        images: Paths of the images, N; empty where a row has none.
        texts: All texts, T, row by row.
        text_ends: Where each row's texts end, from 0, (N + 1) int64.
        split_names: Name of each split, in order of appearance.
        split_codes: Split of each row, a number of ``split_names``, (N,).
        class_names: Name of each class, in order of appearance.
        class_codes: All classes, row by row, numbers of ``class_names``,
            (M,).
        class_ends: Where each row's classes end, from 0, (N + 1) int64.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray],
                 facts: Mapping[str, Any]) -> None:
        def column(name: str) -> TextColumn:
            return TextColumn(arrays[f'{name}_bytes'], arrays[f'{name}_ends'])

        self.ids = column('id')
        self.images = column('image')
        self.texts = column('text')
        self.text_ends = arrays['row_text_ends']
        self.split_names: tuple[str, ...] = tuple(facts['splits'])
        self.split_codes = arrays['split']
        self.class_names: tuple[str, ...] = tuple(column('class_name'))
        self.class_codes = arrays['class']
        self.class_ends = arrays['row_class_ends']
        self._files: tuple[str, ...] = tuple(facts['files'])
        self._file_codes = arrays['file']
        self._lines = arrays['line']

    @classmethod
    def of(cls, records: Iterable[PairRecord]) -> Manifest:
        """Return records as columns; a manifest stays as it is."""
        if isinstance(records, cls):
            return records
        builder = ManifestBuilder(HeldArrays())
        chunk: list[PairRecord] = []
        for record in records:
            chunk.append(record)
            if len(chunk) == _CHUNK:
                builder.add_records(chunk)
                chunk = []
        builder.add_records(chunk)
        return builder.finish()

    def __len__(self) -> int:
        return len(self.split_codes)

    @overload
    def __getitem__(self, index: int) -> PairRecord: ...

    @overload
    def __getitem__(self, index: slice) -> list[PairRecord]: ...

    def __getitem__(self, index: Union[int, slice]
                    ) -> Union[PairRecord, list[PairRecord]]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        row = range(len(self))[index]
        return PairRecord(self.ids[row], self.split_of(row),
                          self.classes_of(row), self.images[row] or None,
                          self.texts_of(row), self.where(row))

    def __iter__(self) -> Iterator[PairRecord]:
        # Of a chunk all at once: a record by itself takes thrice as long.
        single = [(name, ) for name in self.class_names]
        for first in range(0, len(self), _CHUNK):
            last = min(first + _CHUNK, len(self))
            texts, text_ends = _together(self.text_ends, first, last)
            codes, class_ends = _together(self.class_ends, first, last)
            whole = self.texts.between(*texts)
            classes = self.class_codes[slice(*codes)].tolist()
            yield from map(
                PairRecord, self.ids.between(first, last),
                [self.split_names[code]
                 for code in self.split_codes[first:last].tolist()],
                [single[classes[a]] if b - a == 1 else
                 tuple(self.class_names[code] for code in classes[a:b])
                 for a, b in zip(class_ends[:-1], class_ends[1:],
                                 strict=True)],
                [image or None for image in self.images.between(first, last)],
                [tuple(whole[a:b]) for a, b in zip(
                    text_ends[:-1], text_ends[1:], strict=True)],
                self._places(first, last))

    def _places(self, first: int, last: int) -> list[str]:
        return [f'{self._files[file]}:{line}' if line >= 0
                else self._files[file] for file, line in zip(
                    self._file_codes[first:last].tolist(),
                    self._lines[first:last].tolist(), strict=True)]

    def __eq__(self, other: object) -> bool:
        # As the list of its records would compare.
        if not isinstance(other, (list, Manifest)):
            return NotImplemented
        return len(self) == len(other) and all(
            one == two for one, two in zip(self, other, strict=True))

    def where(self, row: int) -> str:
        """``file:line`` of a row, for messages."""
        file, line = self._files[self._file_codes[row]], self._lines[row]
        return f'{file}:{line}' if line >= 0 else file

    def split_of(self, row: int) -> str:
        """Name of a row's split."""
        return self.split_names[self.split_codes[row]]

    def classes_of(self, row: int) -> tuple[str, ...]:
        """Names of a row's classes."""
        return tuple(self.class_names[code] for code in self.class_codes[
            self.class_ends[row]:self.class_ends[row + 1]].tolist())

    def texts_of(self, row: int) -> tuple[str, ...]:
        """A row's texts."""
        return tuple(self.texts.between(int(self.text_ends[row]),
                                        int(self.text_ends[row + 1])))

    def rows_of(self, split: str) -> np.ndarray:
        """Numbers of the rows of a split, in ascending order, int64."""
        if split not in self.split_names:
            return np.zeros(0, np.int64)
        return np.flatnonzero(
            self.split_codes == self.split_names.index(split))

    def splits(self) -> list[str]:
        """Names of the splits that have rows, sorted."""
        return sorted(self.split_names[code]
                      for code in np.unique(self.split_codes).tolist())

    def named(self, file: str) -> Manifest:
        """Return the manifest under another name of its one file."""
        result = copy.copy(self)
        result._files = (file, )
        return result

    def moved(self, rows: Sequence[int], split: str) -> Manifest:
        """Return the manifest with some rows in another split.

        Args:
            rows: Numbers of the rows.
            split: Name of their new split.
        """
        result = copy.copy(self)
        result.split_codes = np.array(self.split_codes)
        if split not in self.split_names:
            result.split_names = (*self.split_names, split)
        result.split_codes[list(rows)] = result.split_names.index(split)
        return result


class JoinedTexts(Sequence[str]):
    """The texts of chosen rows, those of one row joined to one.

    Args:
        manifest: The rows.
        rows: Numbers of the chosen ones.
        numbers: Which text of the row each is; None: all of them, joined by
            blanks.
    """

    def __init__(self, manifest: Manifest, rows: np.ndarray,
                 numbers: Optional[np.ndarray] = None) -> None:
        self.manifest = manifest
        self.rows = rows
        self.numbers = numbers

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> list[str]: ...

    def __getitem__(self, index: Union[int, slice]) -> Union[str, list[str]]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        row = int(self.rows[index])
        if self.numbers is not None:
            first = int(self.manifest.text_ends[row])
            if first == self.manifest.text_ends[row + 1]:
                return ''
            return self.manifest.texts[first + int(self.numbers[index])]
        return ' '.join(self.manifest.texts_of(row))

    def __iter__(self) -> Iterator[str]:
        ends, texts = self.manifest.text_ends, self.manifest.texts
        for begin in range(0, len(self), _CHUNK):
            rows = self.rows[begin:begin + _CHUNK]
            first, last = ends[rows], ends[rows + 1]
            if self.numbers is not None:
                first = np.minimum(first + self.numbers[begin:begin + _CHUNK],
                                   last)
                last = np.minimum(first + 1, last)
            low, high = int(first.min()), int(last.max())
            if high - low > 8 * _CHUNK:
                # Rows from all over the manifest.
                yield from (self[begin + i] for i in range(len(rows)))
                continue
            near = texts.between(low, high)
            yield from (' '.join(near[a - low:b - low]) for a, b in zip(
                first.tolist(), last.tolist(), strict=True))


class _Sink(Protocol):
    """Where columns are written to."""

    def append(self, name: str, rows: np.ndarray) -> None: ...

    def finish(self, facts: Mapping[str, Any]
               ) -> tuple[dict[str, np.ndarray], dict[str, Any]]: ...


class ManifestBuilder:
    """Makes columns of rows that come some thousand at a time.

    Args:
        sink: Takes the columns.
    """

    def __init__(self, sink: _Sink) -> None:
        self.sink = sink
        self._splits: dict[str, int] = {}
        self._classes: dict[str, int] = {}
        self._files: dict[str, int] = {}
        #: Codes of the class fields that were seen lately.
        self.remembered: dict[str, tuple[int, ...]] = {}
        self._totals: dict[str, int] = {}
        self._num_rows = 0

    def __len__(self) -> int:
        return self._num_rows

    def add_records(self, records: Sequence[PairRecord]) -> None:
        """Add rows that are records.

        Raises:
            ValueError: There are too many classes or splits.
        """
        if not records:
            return
        places = [_parted(record.where) for record in records]
        self.add([record.id for record in records],
                 [record.split for record in records],
                 [self.codes_of(record.classes) for record in records],
                 [record.image or '' for record in records],
                 [text for record in records for text in record.texts],
                 [len(record.texts) for record in records],
                 [line for _, line in places], [file for file, _ in places])

    def add(self, ids: Sequence[str], splits: Sequence[str],
            classes: Sequence[tuple[int, ...]], images: Sequence[str],
            texts: Sequence[str], text_counts: Sequence[int] | np.ndarray,
            lines: Sequence[int], files: Sequence[str] | str) -> None:
        """Add rows column by column.

        Args:
            ids: Names of R pairs.
            splits: Their splits.
            classes: Their classes, by :meth:`codes_of`.
            images: Their images; empty: none.
            texts: The texts of all of them.
            text_counts: How many texts each has.
            lines: Line of each; -1: ``files`` says all.
            files: File of each; one name: of all.

        Raises:
            ValueError: There are too many splits.
        """
        for name, column in (('id', ids), ('image', images), ('text', texts)):
            self._add_texts(name, column)
        self._add_ends('row_class', list(map(len, classes)))
        self._add_ends('row_text', text_counts)
        self.sink.append('class', np.fromiter(
            itertools.chain.from_iterable(classes), np.int32))
        self.sink.append('split', _numbers(self._splits, splits))
        self.sink.append('file', _numbers(self._files, files) if not (
            isinstance(files, str)) else np.full(
                len(ids), _code(self._files, files), np.int32))
        self.sink.append('line', np.arange(lines.start, lines.stop)
                         if isinstance(lines, range) else
                         np.asarray(lines, np.int64))
        self._num_rows += len(ids)
        if len(self._splits) > MAX_SPLITS:
            # Hostile, or the wrong column.
            last = files if isinstance(files, str) else files[-1]
            raise ValueError(f'a manifest must have at most {MAX_SPLITS} '
                             f'splits: {last} has more by line {lines[-1]}')

    def codes_of(self, names: Sequence[str]) -> tuple[int, ...]:
        """Number classes by their first appearance.

        Raises:
            ValueError: There are too many.
        """
        codes = tuple(_code(self._classes, name) for name in names)
        if len(self._classes) > MAX_CLASSES:
            raise ValueError(f'a manifest must have at most {MAX_CLASSES} '
                             f'classes, {names[-1]!r} is one more')
        return codes

    def remember(self, made: Mapping[str, tuple[int, ...]]) -> None:
        """Keep the codes of class fields."""
        if len(self.remembered) + len(made) > _REMEMBERED:
            self.remembered = {}
        self.remembered.update(made)

    def finish(self) -> Manifest:
        """Return what was added."""
        if not self._num_rows:
            self.add([], [], [], [], [], [], [], [])
        self._add_texts('class_name', list(self._classes))
        return Manifest(*self.sink.finish(dict(
            splits=list(self._splits), files=list(self._files))))


    def _add_texts(self, name: str, texts: Sequence[str]) -> None:
        values, lengths = packed(texts)
        self.sink.append(f'{name}_bytes', values)
        self._add_ends(name, lengths)

    def _add_ends(self, name: str, counts: Any) -> None:
        """Add where parts of these sizes end, behind all before."""
        before = self._totals.get(name)
        if before is None:
            before = 0
            self.sink.append(f'{name}_ends', np.zeros(1, np.int64))
        ends = np.cumsum(np.asarray(counts, np.int64)) + before
        self.sink.append(f'{name}_ends', ends)
        self._totals[name] = int(ends[-1]) if len(ends) else before


def _together(ends: np.ndarray, first: int, last: int
              ) -> tuple[tuple[int, int], list[int]]:
    """Range of the parts of rows, and where each row's end within it."""
    own = ends[first:last + 1]
    return (int(own[0]), int(own[-1])), (own - own[0]).tolist()


def _numbers(codes: dict[str, int], names: Sequence[str]) -> np.ndarray:
    """Number names by their first appearance, int32."""
    for name in dict.fromkeys(names):
        _code(codes, name)
    return np.fromiter(map(codes.__getitem__, names), np.int32, len(names))


def _code(codes: dict[str, int], name: str) -> int:
    return codes.setdefault(name, len(codes))


def _parted(where: str) -> tuple[str, int]:
    """File and line of a place, so that equal files are kept once."""
    file, _, line = where.rpartition(':')
    # '07' would come back as '7'.
    if file and line.isascii() and line.isdigit() and (
            line == '0' or line[0] != '0') and len(line) < 18:
        return file, int(line)
    return where, -1
