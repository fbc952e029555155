"""The manifest: one file that lists a data set's image/text pairs."""
from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

COLUMNS = ('id', 'split', 'class', 'image', 'text')
TEXT_SEPARATOR = ' ||| '
LABEL_SEPARATOR = ';'
_SYNONYMS = {
    'class': ('class', 'label', 'category', 'classes', 'labels'),
    'text': ('text', 'captions', 'caption', 'texts', 'sentence', 'sentences'),
    'image': ('image', 'image_path', 'img', 'file', 'filename'),
    'split': ('split', 'subset', 'set'),
    'id': ('id', 'pair_id', 'name'),
}
# A field longer than this is a broken file, not a text.
_MAX_FIELD_CHARS = 10_000_000


@dataclass(frozen=True)
class PairRecord:
    """One row of a manifest.

    Attributes:
        id: Unique name of the pair within the manifest.
        split: Name of the split it belongs to, such as ``'train'``.
        classes: Its class names: one, or several for multi-label data.
        image: Path of the image relative to the data root; None where the
            row is a text without an image.
        texts: Its texts, in file order; empty where the row is an image
            without a text.
        where: ``file:line`` of the row, for messages.
    """
    id: str
    split: str
    classes: tuple[str, ...]
    image: Optional[str]
    texts: tuple[str, ...]
    where: str


def read_manifest(path: str | Path,
                  columns: Optional[dict[str, str]] = None,
                  label_separator: Optional[str] = None,
                  text_separator: str = TEXT_SEPARATOR) -> list[PairRecord]:
    r"""Read a manifest, checking every row.

    The columns are ``id``, ``split``, ``class``, ``image`` and ``text`` (or
    usual synonyms, such as ``label`` and ``captions``); more are ignored.
    ``.tsv`` files are tab-separated *without quoting*, ``.csv`` files follow
    RFC 4180, ``.jsonl`` files hold one object a line, whose text and class
    may also be lists. All are UTF-8, with or without a byte order mark.

    Args:
        path: The manifest.
        columns: Column to use for a field, as ``dict(text='title')``.
        label_separator: Splits a class field into several class names
            (multi-label data), usually ``';'``. None: one class a row, and
            whatever stands in the field is its name.
        text_separator: Splits a text field into several texts.

    Returns:
        One record a row, in file order.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A column is missing, a row is broken, an id comes twice,
            a class or split is empty, or a row has neither image nor text.
            The message names file and line.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'manifest not found: {path}')
    unknown = set(columns or ()) - set(COLUMNS)
    if unknown:
        raise ValueError(f'columns may name {list(COLUMNS)}, '
                         f'got {sorted(unknown)}')
    records, seen = [], {}
    for line, row in _rows(path):
        where = f'{path}:{line}'
        record = _record(row, columns or {}, label_separator, text_separator,
                         where)
        if record.id in seen:
            raise ValueError(f'an id must be unique: {record.id!r} at {where} '
                             f'stands already at {seen[record.id]}')
        seen[record.id] = where
        records.append(record)
    if not records:
        raise ValueError(f'a manifest needs at least one row: {path} has none')
    return records


def write_manifest(path: str | Path, records: list[PairRecord]) -> None:
    """Write records as a TSV manifest, atomically.

    Tabs, line breaks and runs of white space inside a text become one space,
    since the format knows no quoting.

    Args:
        path: File to write; replaced whole or not at all.
        records: What to write, in order.
    """
    from ._files import atomic_write
    with atomic_write(path, 'w', encoding='utf-8', newline='\n') as file:
        file.write('\t'.join(COLUMNS) + '\n')
        for record in records:
            texts = (' '.join(text.split()) for text in record.texts)
            file.write('\t'.join((
                record.id, record.split,
                LABEL_SEPARATOR.join(record.classes), record.image or '',
                TEXT_SEPARATOR.join(texts))) + '\n')


def _rows(path: Path) -> Iterator[tuple[int, dict]]:
    """Yield (line number, row as written) of a manifest of any format."""
    suffix = path.suffix.lower()
    readers = {'.tsv': _tsv_rows, '.csv': _csv_rows, '.jsonl': _jsonl_rows}
    if suffix not in readers:
        raise ValueError('a manifest ends in .tsv, .csv or .jsonl, '
                         f'got {path}')
    with path.open(encoding='utf-8-sig', newline='') as file:
        try:
            yield from readers[suffix](file, path)
        except UnicodeDecodeError as error:
            raise ValueError(f'a manifest must be UTF-8: {path}, byte '
                             f'{error.start}: {error.reason}') from error


def _tsv_rows(file, path: Path) -> Iterator[tuple[int, dict]]:
    header = None
    for line, raw in enumerate(file, 1):
        fields = raw.rstrip('\r\n').split('\t')
        if header is None:
            header = [name.strip() for name in fields]
        elif any(fields):
            yield line, _zip(header, fields, f'{path}:{line}')


def _csv_rows(file, path: Path) -> Iterator[tuple[int, dict]]:
    csv.field_size_limit(_MAX_FIELD_CHARS)
    reader = csv.reader(file, strict=True)
    header = None
    try:
        for fields in reader:
            if header is None:
                header = [name.strip() for name in fields]
            elif any(fields):
                yield reader.line_num, _zip(header, fields,
                                            f'{path}:{reader.line_num}')
    except csv.Error as error:
        raise ValueError(f'{path}:{reader.line_num}: not a CSV row: '
                         f'{error}') from error


def _jsonl_rows(file, path: Path) -> Iterator[tuple[int, dict]]:
    for line, raw in enumerate(file, 1):
        if not raw.strip():
            continue
        try:
            row = json.loads(raw)
        except json.JSONDecodeError as error:
            raise ValueError(f'{path}:{line}: not a JSON object: '
                             f'{error}') from error
        if not isinstance(row, dict):
            raise ValueError(f'{path}:{line}: a line must be a JSON object, '
                             f'got {type(row).__name__}')
        yield line, row


def _zip(header: list[str], fields: list[str], where: str) -> dict:
    if len(fields) != len(header):
        raise ValueError(f'a row must have the header\'s {len(header)} '
                         f'fields, got {len(fields)} at {where}')
    return dict(zip(header, fields, strict=True))


def _record(row: dict, columns: dict[str, str],
            label_separator: Optional[str], text_separator: str,
            where: str) -> PairRecord:
    def field(name: str, required: bool = True):
        names = (columns[name], ) if name in columns else _SYNONYMS[name]
        for candidate in names:
            if candidate in row:
                return row[candidate]
        if required:
            raise ValueError(
                f'a manifest needs a column {name!r} (or one of '
                f'{list(names)}): {where} has {list(row)}')
        return ''

    def parts(value, separator: Optional[str]) -> tuple[str, ...]:
        if not isinstance(value, list):
            text = '' if value is None else str(value)
            value = text.split(separator) if separator else [text]
        stripped = (str(part).strip() for part in value)
        return tuple(part for part in stripped if part)

    classes = parts(field('class'), label_separator)
    split = str(field('split')).strip()
    # A manifest of texts alone, or of images alone, lacks the other column.
    image = str(field('image', required=False) or '').strip() or None
    texts = parts(field('text', required=False), text_separator)
    name = str(field('id')).strip()
    for what, value in (('id', name), ('split', split), ('class', classes)):
        if not value:
            raise ValueError(f'{what} must not be empty: {where}')
    if image is None and not texts:
        raise ValueError(f'a row needs an image, a text or both: {where}')
    if '\0' in name + (image or '') + ''.join(texts):
        raise ValueError(f'a row must not hold NUL characters: {where}')
    return PairRecord(name, split, classes, image, texts, where)
