"""Read and write the manifest, the file that lists a data set's pairs."""
from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any, Optional

import numpy as np

from ..storage.files import atomic_write
from ..storage.side_files import HeldArrays, SideArrays, side_key
from ..storage.tables import (
    TableChunk,
    TableRow,
    cell_text,
    cell_texts,
    check_size,
    read_chunks,
    read_rows,
)
from ..text.articles import TEXT_SEPARATOR
from .manifest_rows import Manifest, ManifestBuilder, PairRecord

__all__ = ['Manifest', 'PairRecord', 'check_writable', 'column_to_keep',
           'other_columns', 'read_manifest', 'shared_manifest',
           'with_other_cells', 'write_manifest']

COLUMNS = ('id', 'split', 'class', 'image', 'text')
LABEL_SEPARATOR = ';'
_SYNONYMS = {
    'class': ('class', 'label', 'category', 'classes', 'labels'),
    'text': ('text', 'captions', 'caption', 'texts', 'sentence', 'sentences'),
    'image': ('image', 'image_path', 'img', 'file', 'filename'),
    'split': ('split', 'subset', 'set'),
    'id': ('id', 'pair_id', 'name'),
}
#: A larger file is read once; from then on its columns are opened.
SIDE_FILE_BYTES = 8 << 20
#: Memory that the columns may take where no side file can be written.
MAX_HELD_BYTES = 8 << 30
#: Raise it when the columns get another meaning.
_FORMAT = 1
# Rows of JSON lines that become columns together.
_CHUNK = 4096
# Stands between fields that are searched together. Where a separator is met
# across two all the same, only time is lost.
_BREAK = '\n\n'
_KNOWN = frozenset(name for names in _SYNONYMS.values() for name in names)


def read_manifest(path: str | Path,
                  columns: Optional[dict[str, str]] = None,
                  label_separator: Optional[str] = None,
                  text_separator: str = TEXT_SEPARATOR,
                  max_rows: Optional[int] = None) -> Manifest:
    r"""Read a manifest, checking every row.

    The columns are ``id``, ``split``, ``class``, ``image`` and ``text`` (or
    usual synonyms, such as ``label`` and ``captions``) in any case; more are
    ignored.
    ``.tsv`` files are tab-separated *without quoting*, ``.csv`` files follow
    RFC 4180, ``.jsonl`` files hold one object a line, whose text and class
    may also be lists. All are UTF-8, with or without a byte order mark.

    A row whose class is empty is a pair without a class.

    The rows are held as columns. Those of a file of over 8 MiB are kept in
    the user's cache folder (``$CHTN_CACHE``, else
    ``~/.cache/chtn_plugin``) and memory-mapped, so that the next reading of
    the same file, by any process, takes no time and forked workers share
    them. There is no limit to the rows; what is held of them at once is
    bounded.

    Args:
        path: The manifest.
        columns: Column to use for a field, as ``dict(text='title')``.
        label_separator: Splits a class field into several class names
            (multi-label data), usually ``';'``. None: one class a row, and
            whatever stands in the field is its name.
        text_separator: Splits a text field into several texts.
        max_rows: A file of more lines is refused before it is read; None:
            any number is read.

    Returns:
        A sequence of one :class:`PairRecord` a row, in file order.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A column is missing or comes twice, a row is broken, an
            id comes twice, a split is empty, an image path leads
            out of the data root, a row has neither image nor text, or the
            file is not UTF-8 or too long. The message names file and line.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f'manifest not found: {path}. tools/prepare_dataset.py makes the '
            'known sets, tools/make_manifest.py one from your files '
            '(docs/data.md)')
    unknown = set(columns or ()) - set(COLUMNS)
    if unknown:
        raise ValueError(f'columns may name {list(COLUMNS)}, '
                         f'got {sorted(unknown)}')
    if max_rows is not None:
        check_size(path, max_rows)
    rows = _Rows(path, columns or {}, label_separator, text_separator)
    if path.stat().st_size < SIDE_FILE_BYTES:
        return _filled(ManifestBuilder(HeldArrays()), rows)
    options = [sorted((columns or {}).items()), label_separator,
               text_separator]
    side = SideArrays(side_key(path, dict(manifest=_FORMAT, options=options)),
                      path)
    kept = side.read()
    if kept is not None:
        manifest = Manifest(*kept)
        # The name of today: the key holds the absolute one.
        return manifest.named(str(path))
    try:
        with side.writer() as writer:
            return _filled(ManifestBuilder(writer), rows)
    except OSError as error:
        if not path.is_file():
            raise
        # Here: tools that list options read this module too.
        from mmengine.logging import print_log
        print_log(f'{side.root} cannot be written, {path} is held in memory '
                  f'and read anew each time: {error}', logger='current',
                  level=logging.WARNING)
    return _filled(ManifestBuilder(HeldArrays(
        MAX_HELD_BYTES, f'the rows of {path}')), rows)


def _filled(builder: ManifestBuilder, rows: _Rows) -> Manifest:
    """Read all rows into a builder."""
    hashes: list[np.ndarray] = []
    try:
        for ids, _ in rows.read(builder):
            hashes.append(np.fromiter(map(hash, ids), np.int64, len(ids)))
    except ValueError:
        # An id that came twice before is named first.
        _check_unique(rows, hashes)
        raise
    if not len(builder):
        raise ValueError('a manifest needs at least one row: '
                         f'{rows.path} has none')
    _check_unique(rows, hashes)
    return builder.finish()


def _check_unique(rows: _Rows, hashes: Sequence[np.ndarray]) -> None:
    """Refuse an id that comes twice.

    Eight bytes a row are held, not the ids: where two are alike the file is
    read again, to see whether the ids are, and where.
    """
    known = np.sort(np.concatenate(hashes)) if hashes else np.zeros(0)
    repeated = set(np.unique(known[1:][known[1:] == known[:-1]]).tolist())
    if not repeated:
        return
    seen: dict[str, int] = {}
    for ids, lines in rows.read(ManifestBuilder(_Nowhere())):
        for name, line in zip(ids, lines, strict=True):
            if hash(name) not in repeated:
                continue
            if name in seen:
                raise ValueError(
                    f'an id must be unique: {name!r} at {rows.path}:{line} '
                    f'stands already at {rows.path}:{seen[name]}')
            seen[name] = line


class _Nowhere:
    """Takes the columns of a file that is only gone through."""

    def append(self, name: str, rows: np.ndarray) -> None:
        """Forget some rows."""

    def finish(self, facts: Any) -> Any:
        """Say that there is nothing."""
        raise NotImplementedError


class _Rows:
    """The rows of a file, checked, some thousand at a time.

    Columns are checked as a whole where that can be done; where something is
    to be said of a row, :func:`_record` goes through its chunk row by row.
    """

    def __init__(self, path: Path, columns: dict[str, str],
                 label_separator: Optional[str], text_separator: str) -> None:
        self.path = path
        self.columns = columns
        self.label_separator = label_separator
        self.text_separator = text_separator

    def read(self, builder: ManifestBuilder
             ) -> Iterator[tuple[list[str], Sequence[int]]]:
        """Add all rows to a builder; yields ids and lines of each chunk."""
        if self.path.suffix.lower() == '.jsonl':
            rows = read_rows(self.path, 'a manifest', 'utf-8-sig',
                             _column_name, max_bytes=None)
            while chunk := list(islice(rows, _CHUNK)):
                yield self._add_records(builder, chunk)
            return
        for columns in read_chunks(self.path, 'a manifest', 'utf-8-sig',
                                   _column_name):
            ids = self._add_columns(builder, columns)
            yield (self._add_records(builder, columns.rows(self.path))
                   if ids is None else (ids, columns.lines))

    def _add_records(self, builder: ManifestBuilder,
                     rows: Iterable[TableRow]) -> tuple[list[str], list[int]]:
        records = [_record(row, self.columns, self.label_separator,
                           self.text_separator, where) for where, row in rows]
        builder.add_records(records)
        return ([record.id for record in records],
                [int(record.where.rpartition(':')[2]) for record in records])

    def _add_columns(self, builder: ManifestBuilder, chunk: TableChunk
                     ) -> Optional[list[str]]:
        """Add rows that are as they should be; None: some may not be."""
        cells = {name: self._column(chunk, name) for name in COLUMNS}
        count = len(chunk.lines)
        ids, splits, fields = (cells[name] for name in (
            'id', 'split', 'class'))
        if ids is None or splits is None or fields is None:
            return None
        images = cells['image'] or [''] * count
        ids, splits, images = (list(map(str.strip, column))
                               for column in (ids, splits, images))
        texts, text_counts = _parted_texts(
            cells['text'] or [''] * count, self.text_separator)
        if ('' in ids or '' in splits
                or ('' in images and any(
                    not image and not number for image, number in zip(
                        images, text_counts, strict=True)))
                or any('\0' in ''.join(column)
                       for column in (ids, splits, fields, texts))):
            return None
        image_paths = '\n'.join(['', *images, ''])
        if ('\0' in image_paths or '..' in image_paths
                or '\n/' in image_paths):
            return None
        builder.add(ids, splits, self._classes(builder, fields), images,
                    texts, text_counts, chunk.lines, str(self.path))
        return ids

    def _column(self, chunk: TableChunk, name: str) -> Optional[list[str]]:
        """The column of a field; None: there is none."""
        return next((chunk.columns[candidate] for candidate in _candidates(
            name, self.columns) if candidate in chunk.columns), None)

    def _classes(self, builder: ManifestBuilder, fields: Sequence[str]
                 ) -> list[tuple[int, ...]]:
        known = builder.remembered
        # Numbered by their first appearance, those of a field together.
        made = {
            field: builder.codes_of([
                name for part in (field.split(self.label_separator)
                                  if self.label_separator else [field])
                if (name := part.strip())])
            for field in dict.fromkeys(fields) if field not in known}
        codes = [made[field] if own is None else own for field, own in zip(
            fields, map(known.get, fields), strict=True)]
        builder.remember(made)
        return codes


def _parted_texts(fields: Sequence[str], separator: str
                  ) -> tuple[list[str], Sequence[int] | np.ndarray]:
    """The texts of all rows behind one another, and how many each has."""
    if not separator or separator not in _BREAK.join(fields):
        stripped = list(map(str.strip, fields))
        if '' not in stripped:
            return stripped, np.ones(len(stripped), np.int64)
        return ([text for text in stripped if text],
                np.fromiter(map(bool, stripped), np.int64, len(stripped)))
    texts: list[str] = []
    counts = []
    for field in fields:
        own = [text for part in field.split(separator)
               if (text := part.strip())]
        texts += own
        counts.append(len(own))
    return texts, counts


def other_columns(path: str | Path) -> Iterator[dict[str, str]]:
    """Read the cells that are no part of a pair, row by row.

    The split is among them: to whoever searches it is a column as any other.

    Args:
        path: A manifest that :func:`read_manifest` has read.

    Yields:
        Of each row, in file order, its cells by the name of their column.
    """
    taken = _KNOWN.difference(_SYNONYMS['split'])
    for where, row in read_rows(path, 'a manifest', 'utf-8-sig',
                                _column_name, max_bytes=None):
        yield {name: text for name, value in row.items()
               if name not in taken
               and (text := _flat_cell(value, where)) is not None}


def _flat_cell(value: Any, where: str) -> Optional[str]:
    try:
        return '; '.join(map(str.strip, cell_texts(value, where, None)))
    except ValueError:
        return None  # what is nested is nothing to filter by


def with_other_cells(records: Sequence[PairRecord], path: str | Path
                     ) -> list[PairRecord]:
    """Return records with what else their manifest holds, to write it anew.

    Args:
        records: All rows of a manifest, in file order.
        path: The manifest.
    """
    return [dataclasses.replace(record, other=tuple(
        (column_to_keep(name), value) for name, value in cells.items()
        if value and name not in _KNOWN))
        for record, cells in zip(records, other_columns(path), strict=True)]


def column_to_keep(name: str) -> str:
    """Return the name under which a manifest keeps a further column.

    >>> column_to_keep('Colour'), column_to_keep('Name')
    ('Colour', 'own_Name')

    Args:
        name: The column's own name. One that a manifest's fields, or a
            filter's, may go by gets ``own_`` before it.
    """
    name = ' '.join(name.split())
    return (f'own_{name}' if name.lower() in _KNOWN | {'path'} else name)


def shared_manifest(path: str | Path,
                    columns: Optional[dict[str, str]] = None,
                    label_separator: Optional[str] = None) -> Manifest:
    """Return :func:`read_manifest`'s rows, read once for all splits.

    The rows of the last manifest are kept: the data sets of training,
    validation and test read the same. A file that was written since, by its
    size and times, is read anew.

    Args:
        path: As there.
        columns: As there.
        label_separator: As there.

    Returns:
        The rows, which cannot be changed.

    Raises:
        FileNotFoundError, ValueError: As there.
    """
    path = Path(path)
    if not path.is_file():
        return read_manifest(path, columns, label_separator)
    status = path.stat()
    key = (str(path), str(path.absolute()), status.st_ino, status.st_size,
           status.st_mtime_ns, status.st_ctime_ns,
           tuple(sorted((columns or {}).items())), label_separator)
    if key not in _LAST:
        pairs = read_manifest(path, columns, label_separator)
        _LAST.clear()
        _LAST[key] = pairs
    return _LAST[key]


_LAST: dict[tuple, Manifest] = {}


def write_manifest(path: str | Path, records: Sequence[PairRecord]) -> None:
    """Write records as a TSV manifest, atomically.

    Tabs, line breaks and runs of white space inside a text become one space,
    since the format knows no quoting. Cells beside the five fields follow
    them, a column for each name.

    Args:
        path: File to write; replaced whole or not at all.
        records: What to write, in order.

    Raises:
        ValueError: A field could not be read back as it is: a text holds the
            separator of texts, one of several classes that of classes, or a
            name a tab or line break.
    """
    check_writable(records)
    others = list(dict.fromkeys(
        name for record in records for name, _ in record.other))
    with atomic_write(path, 'w', encoding='utf-8', newline='\n') as file:
        file.write('\t'.join((*COLUMNS, *others)) + '\n')
        for record in records:
            texts = (' '.join(text.split()) for text in record.texts)
            cells = dict(record.other)
            file.write('\t'.join((
                record.id, record.split,
                LABEL_SEPARATOR.join(record.classes), record.image or '',
                TEXT_SEPARATOR.join(texts),
                *(' '.join(cells.get(name, '').split())
                  for name in others))) + '\n')


def check_writable(records: Sequence[PairRecord]) -> None:
    """Refuse what :func:`write_manifest` could not write.

    Raises:
        ValueError: As there.
    """
    for record in records:
        _check_writable(record)


def _check_writable(record: PairRecord) -> None:
    for text in record.texts:
        if TEXT_SEPARATOR.strip() in text:
            raise ValueError(f'a text must not hold {TEXT_SEPARATOR!r}, which '
                             f'separates texts: {record.id} does')
    if len(record.classes) > 1 and any(LABEL_SEPARATOR in name
                                       for name in record.classes):
        raise ValueError(f'one of several classes must not hold '
                         f'{LABEL_SEPARATOR!r}, which separates them: '
                         f'{record.id} has {list(record.classes)}')
    for value in (record.id, record.split, record.image or '',
                  *record.classes):
        if value != value.strip() or any(char in value for char in '\t\r\n'):
            raise ValueError('a name must not hold tabs, line breaks or outer '
                             f'blanks: {value!r} does')


def _column_name(name: str) -> str:
    """Lower the case of the names that are known, whatever theirs is."""
    lower = name.strip().lower()
    return lower if lower in _KNOWN else name.strip()


def _candidates(name: str, columns: dict[str, str]) -> tuple[str, ...]:
    """Columns that may hold a field, the first that is there counts."""
    column = columns.get(name)
    return (_SYNONYMS[name] if column is None else (column, column.lower()))


def _record(row: dict, columns: dict[str, str],
            label_separator: Optional[str], text_separator: str,
            where: str) -> PairRecord:
    def field(name: str, required: bool = True):
        for candidate in _candidates(name, columns):
            if candidate in row:
                return row[candidate]
        if required:
            column = columns.get(name)
            names = _SYNONYMS[name] if column is None else (column, )
            raise ValueError(
                f'a manifest needs a column {name!r} (or one of '
                f'{list(names)}): {where} has {list(row)}')
        return ''

    def parts(value, separator: Optional[str]) -> tuple[str, ...]:
        return tuple(part for text in cell_texts(value, where, separator)
                     if (part := text.strip()))

    classes = parts(field('class'), label_separator)
    split = cell_text(field('split'), where).strip()
    # A manifest of texts alone, or of images alone, lacks the other column.
    image = cell_text(field('image', required=False), where).strip() or None
    texts = parts(field('text', required=False), text_separator)
    name = cell_text(field('id'), where).strip()
    for what, value in (('id', name), ('split', split)):
        if not value:
            raise ValueError(f'{what} must not be empty: {where}')
    if image is None and not texts:
        raise ValueError(f'a row needs an image, a text or both: {where}')
    if '\0' in ''.join((name, split, image or '', *classes, *texts)):
        raise ValueError(f'a row must not hold NUL characters: {where}')
    if image and (PurePosixPath(image).is_absolute()
                  or '..' in PurePosixPath(image).parts):
        raise ValueError('an image path must stay inside the data root: '
                         f'{image!r} at {where} does not')
    return PairRecord(name, split, classes, image, texts, where)
