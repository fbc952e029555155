"""The manifest: one file that lists a data set's image/text pairs."""
from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Optional

from ..text.articles import TEXT_SEPARATOR

COLUMNS = ('id', 'split', 'class', 'image', 'text')
LABEL_SEPARATOR = ';'
_SYNONYMS = {
    'class': ('class', 'label', 'category', 'classes', 'labels'),
    'text': ('text', 'captions', 'caption', 'texts', 'sentence', 'sentences'),
    'image': ('image', 'image_path', 'img', 'file', 'filename'),
    'split': ('split', 'subset', 'set'),
    'id': ('id', 'pair_id', 'name'),
}
_KNOWN = frozenset(name for names in _SYNONYMS.values() for name in names)
# Beyond these a file is broken or hostile, not a data set.
_MAX_FIELD_CHARS = 10_000_000
_MAX_LINE_BYTES = 64 << 20
MAX_ROWS = 5_000_000


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
                  text_separator: str = TEXT_SEPARATOR,
                  max_rows: int = MAX_ROWS) -> list[PairRecord]:
    r"""Read a manifest, checking every row.

    The columns are ``id``, ``split``, ``class``, ``image`` and ``text`` (or
    usual synonyms, such as ``label`` and ``captions``) in any case; more are
    ignored.
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
        max_rows: A file of more lines is refused before it is read.

    Returns:
        One record a row, in file order.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A column is missing or comes twice, a row is broken, an
            id comes twice, a class or split is empty, an image path leads
            out of the data root, a row has neither image nor text, or the
            file is not UTF-8 or too long. The message names file and line.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'manifest not found: {path}')
    unknown = set(columns or ()) - set(COLUMNS)
    if unknown:
        raise ValueError(f'columns may name {list(COLUMNS)}, '
                         f'got {sorted(unknown)}')
    check_size(path, max_rows)
    records: list[PairRecord] = []
    seen: dict[str, str] = {}
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

    Raises:
        ValueError: A field could not be read back as it is: a text holds the
            separator of texts, one of several classes that of classes, or a
            name a tab or line break.
    """
    from ..storage.files import atomic_write
    check_writable(records)
    with atomic_write(path, 'w', encoding='utf-8', newline='\n') as file:
        file.write('\t'.join(COLUMNS) + '\n')
        for record in records:
            texts = (' '.join(text.split()) for text in record.texts)
            file.write('\t'.join((
                record.id, record.split,
                LABEL_SEPARATOR.join(record.classes), record.image or '',
                TEXT_SEPARATOR.join(texts))) + '\n')


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


def check_size(path: Path, max_rows: int = MAX_ROWS) -> None:
    """Refuse a file that would only fill the memory; costs 0.1 s a GB.

    Args:
        path: A text file.
        max_rows: Lines that it may have, besides a header.

    Raises:
        ValueError: It has more, or a line of over 64 MB.
    """
    lines, run = 0, 0
    with path.open('rb') as file:
        while chunk := file.read(1 << 22):
            found = chunk.count(b'\n')
            lines += found
            run = (len(chunk) - 1 - chunk.rindex(b'\n') if found
                   else run + len(chunk))
            if run > _MAX_LINE_BYTES:
                raise ValueError(f'a line must have at most {_MAX_LINE_BYTES} '
                                 f'bytes: {path}:{lines + 1} has more')
            if lines > max_rows + 1:
                raise ValueError(f'a table must have at most {max_rows} '
                                 f'rows, {path} has more')


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
            raise ValueError(_encoding_message(path, error)) from error


def _encoding_message(path: Path, error: UnicodeDecodeError) -> str:
    with path.open('rb') as file:
        if file.read(2) in (b'\xff\xfe', b'\xfe\xff'):
            return (f'a manifest must be UTF-8: {path} is UTF-16, save it '
                    'anew')
        file.seek(0)
        for line, raw in enumerate(file, 1):
            try:
                raw.decode('utf-8')
            except UnicodeDecodeError as found:
                return (f'a manifest must be UTF-8: {path}:{line} is not, at '
                        f'byte {found.start}: {found.reason}')
    return f'a manifest must be UTF-8: {path}: {error.reason}'


def _header(fields: list[str], where: str) -> list[str]:
    header = [lower if (lower := name.strip().lower()) in _KNOWN
              else name.strip() for name in fields]
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise ValueError(f'a column must come once: {where} has {twice} '
                         'more often')
    return header


def _tsv_rows(file, path: Path) -> Iterator[tuple[int, dict]]:
    header = None
    for line, raw in enumerate(file, 1):
        fields = raw.rstrip('\r\n').split('\t')
        if header is None:
            header = _header(fields, f'{path}:{line}')
        elif any(fields):
            yield line, _zip(header, fields, f'{path}:{line}')


def _csv_rows(file, path: Path) -> Iterator[tuple[int, dict]]:
    csv.field_size_limit(_MAX_FIELD_CHARS)
    reader = csv.reader(file, strict=True)
    header = None
    try:
        for fields in reader:
            if header is None:
                header = _header(fields, f'{path}:{reader.line_num}')
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
        except (ValueError, RecursionError) as error:
            raise ValueError(f'{path}:{line}: not a JSON object: '
                             f'{error}') from error
        if not isinstance(row, dict):
            raise ValueError(f'{path}:{line}: a line must be a JSON object, '
                             f'got {type(row).__name__}')
        header = _header(list(row), f'{path}:{line}')
        yield line, dict(zip(header, row.values(), strict=True))


def _zip(header: list[str], fields: list[str], where: str) -> dict:
    if len(fields) != len(header):
        raise ValueError(f'a row must have the header\'s {len(header)} '
                         f'fields, got {len(fields)} at {where}')
    return dict(zip(header, fields, strict=True))


def _record(row: dict, columns: dict[str, str],
            label_separator: Optional[str], text_separator: str,
            where: str) -> PairRecord:
    def field(name: str, required: bool = True):
        given = columns.get(name)
        names = _SYNONYMS[name] if given is None else (given, )
        for candidate in names if given is None else (given, given.lower()):
            if candidate in row:
                return row[candidate]
        if required:
            raise ValueError(
                f'a manifest needs a column {name!r} (or one of '
                f'{list(names)}): {where} has {list(row)}')
        return ''

    def plain(value) -> str:
        if not isinstance(value, (str, int, float, type(None))):
            raise ValueError('a value must be text or a number, got '
                             f'{value!r} at {where}')
        return '' if value is None else str(value).strip()

    def parts(value, separator: Optional[str]) -> tuple[str, ...]:
        if not isinstance(value, list):
            text = plain(value)
            value = text.split(separator) if separator else [text]
        return tuple(part for part in map(plain, value) if part)

    classes = parts(field('class'), label_separator)
    split = plain(field('split'))
    # A manifest of texts alone, or of images alone, lacks the other column.
    image = plain(field('image', required=False)) or None
    texts = parts(field('text', required=False), text_separator)
    name = plain(field('id'))
    for what, value in (('id', name), ('split', split), ('class', classes)):
        if not value:
            raise ValueError(f'{what} must not be empty: {where}')
    if image is None and not texts:
        raise ValueError(f'a row needs an image, a text or both: {where}')
    together = ''.join((name, split, image or '', *classes, *texts))
    if '\0' in together:
        raise ValueError(f'a row must not hold NUL characters: {where}')
    if not together.isascii():
        try:
            together.encode('utf-8')
        except UnicodeEncodeError as error:
            raise ValueError('a row must not hold half a character (a lone '
                             f'surrogate): {where}') from error
    if image and (PurePosixPath(image).is_absolute()
                  or '..' in PurePosixPath(image).parts):
        raise ValueError('an image path must stay inside the data root: '
                         f'{image!r} at {where} does not')
    return PairRecord(name, split, classes, image, texts, where)
