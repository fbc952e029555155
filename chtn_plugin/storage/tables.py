"""The one reader of tables: CSV, TSV and JSON lines, row by row.

A manifest and a user's own table stand on it. It knows encodings,
delimiters, quoting, limits and what an empty cell is; what the columns mean
is its callers' part. A further format (Parquet) is one more function in
``_READERS`` that yields ``(row number, {column: value})``.
"""
from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Optional, TextIO

#: Endings of the files that can be read.
SUFFIXES = ('.csv', '.tsv', '.jsonl')
#: A longer file is broken or hostile, not a data set.
MAX_ROWS = 5_000_000
_MAX_FIELD_CHARS = 10_000_000
_MAX_LINE_BYTES = 64 << 20
# Excel and other programs choose the comma by country.
_DELIMITERS = (',', ';', '\t', '|')
_UTF16_MARKS = (b'\xff\xfe', b'\xfe\xff')
# What is held of a table at once: rows, and characters.
_CHUNK_ROWS = 8192
_CHUNK_CHARS = 32 << 20
_LINE_BREAK = re.compile(rb'\r\n|\r|\n')

Rename = Callable[[str], str]
_Numbered = Iterator[tuple[int, dict[str, Any]]]
_Fields = Iterator[tuple[int, list[str]]]


class TableChunk(NamedTuple):
    """Many rows of a table, column by column.

    Attributes:
        lines: Line of each row, as :class:`TableRow` has it.
        columns: Text of each row, by column.
    """
    lines: list[int]
    columns: dict[str, list[str]]

    def rows(self, path: Path) -> Iterator[TableRow]:
        """Yield the rows of a chunk of a file one by one."""
        for line, *fields in zip(self.lines, *self.columns.values(),
                                 strict=True):
            if not all(map(_is_empty, fields)):
                yield TableRow(f'{path}:{line}', dict(
                    zip(self.columns, fields, strict=True)))


class TableRow(NamedTuple):
    """One row of a table.

    Attributes:
        where: ``file:line``, for messages; the last line where a quoted cell
            goes over several.
        cells: Values by column: text, and in JSON lines also a number, a
            truth value, a list or None.
    """
    where: str
    cells: dict[str, Any]


def read_rows(path: str | Path,
              what: str = 'a table',
              encoding: Optional[str] = None,
              rename: Rename = str.strip,
              hint: str = '',
              max_rows: Optional[int] = MAX_ROWS) -> Iterator[TableRow]:
    """Read a table, one row at a time.

    ``.csv`` follows RFC 4180, its delimiter (comma, semicolon, tab or bar)
    found by the header; ``.tsv`` knows *no quoting*; ``.jsonl`` holds one
    object a line. Rows whose cells are all empty, as spreadsheets save them,
    are passed over; so are columns without a name.

    Args:
        path: The file.
        what: What it is to the user, for messages.
        encoding: Its encoding; None: UTF-8, or UTF-16 where the file begins
            with its mark.
        rename: Makes a column's name of what the header says.
        hint: Further sentence for a file in another encoding.
        max_rows: A file of more lines is refused before it is read; None:
            lines are not limited, for a caller that keeps no row.

    Yields:
        The rows in file order.

    Raises:
        ValueError: The ending is unknown, the file is too long or not in its
            encoding, a column comes twice or a row is broken. The message
            names file and line.
    """
    path = Path(path)
    reader = _READERS[_suffix(path, what)]
    check_size(path, max_rows)
    with open_text(path, what, encoding, hint) as file:
        for line, cells in reader(file, path, rename):
            if not all(map(_is_empty, cells.values())):
                yield TableRow(f'{path}:{line}', cells)


def read_chunks(path: str | Path,
                what: str = 'a table',
                encoding: Optional[str] = None,
                rename: Rename = str.strip,
                hint: str = '',
                max_rows: Optional[int] = None) -> Iterator[TableChunk]:
    """Read a ``.csv`` or ``.tsv`` table, many rows at a time.

    The rows and the arguments are those of :func:`read_rows`, without a
    dictionary for each row: three to four times as fast.

    Yields:
        The rows in file order, some thousand together; those before a broken
        row come before its error.

    Raises:
        ValueError: As there.
    """
    path = Path(path)
    reader = _LINES[_suffix(path, what)]
    check_size(path, max_rows)
    with open_text(path, what, encoding, hint) as file:
        lines, hint = reader(file, path)
        yield from _chunks(lines, path, rename, hint)


def _suffix(path: Path, what: str) -> str:
    suffix = path.suffix.lower()
    if suffix not in _READERS:
        raise ValueError(f'{what} ends in {", ".join(SUFFIXES[:-1])} or '
                         f'{SUFFIXES[-1]}, got {path}')
    return suffix


@contextmanager
def open_text(path: Path, what: str, encoding: Optional[str] = None,
              hint: str = '') -> Iterator[TextIO]:
    """Open a text file, whose lines may end in any way.

    Args:
        path: The file.
        what: What it is to the user, for messages.
        encoding: As for :func:`read_rows`.
        hint: Further sentence for a file in another encoding.

    Yields:
        The open file.

    Raises:
        ValueError: The encoding is unknown or not the file's; then the
            message names line and byte.
    """
    if encoding is None:
        with path.open('rb') as raw:
            marked = raw.read(2) in _UTF16_MARKS
        encoding = 'utf-16' if marked else 'utf-8-sig'
    try:
        'a'.encode(encoding)
    except (LookupError, UnicodeError) as error:
        raise ValueError('an encoding must be one that Python knows, such as '
                         f'gb18030 or cp1252: {error}') from error
    try:
        with path.open(encoding=encoding, newline='') as file:
            yield file
    except UnicodeDecodeError as error:
        raise ValueError(_encoding_message(path, what, encoding, hint, error)
                         ) from error


def check_size(path: Path, max_rows: Optional[int] = MAX_ROWS) -> None:
    """Refuse a file that would only fill the memory; costs 0.1 s a GB.

    Args:
        path: A text file.
        max_rows: Lines that it may have, besides a header; None: any number.

    Raises:
        ValueError: It has more, or a line of over 64 MB.
    """
    lines, run = 0, 0
    with path.open('rb') as file:
        while chunk := file.read(1 << 22):
            count = chunk.count(b'\n')
            lines += count
            run = (len(chunk) - 1 - chunk.rindex(b'\n') if count
                   else run + len(chunk))
            if run > _MAX_LINE_BYTES:
                raise ValueError(f'a line must have at most {_MAX_LINE_BYTES} '
                                 f'bytes: {path}:{lines + 1} has more')
            if max_rows is not None and lines > max_rows + 1:
                raise ValueError(f'a table must have at most {max_rows} '
                                 f'rows, {path} has more')


def check_columns(names: Sequence[str], where: str) -> None:
    """Refuse a header that names a column twice.

    Columns without a name cannot be asked for, so they may be several.

    Raises:
        ValueError: It does; the message names them.
    """
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise ValueError(f'a column must come once: {where} has {twice} '
                         'more often')


def cell_text(value: Any, where: str) -> str:
    """Return the text of a cell; empty where it holds nothing.

    Nothing is None, a missing key and NaN, which pandas writes for it. A
    whole number is written without a point, since JSON's 1 and 1.0 are one
    number.

    Args:
        value: The cell.
        where: ``file:line``, for the message.

    Raises:
        ValueError: It is neither text nor a number, or holds half a
            character (a lone surrogate).
    """
    if not isinstance(value, (str, int, float, type(None))) or value in (
            math.inf, -math.inf):
        raise ValueError('a value must be text or a number, got '
                         f'{value!r} at {where}')
    if _is_empty(value):
        return ''
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value)
    if not text.isascii():
        try:
            text.encode('utf-8')
        except UnicodeEncodeError as error:
            raise ValueError('a row must not hold half a character (a lone '
                             f'surrogate): {where}') from error
    return text


def cell_texts(value: Any, where: str,
               separator: Optional[str] = None) -> list[str]:
    """Return the texts of a cell: of a list, or between separators.

    Args:
        value: The cell.
        where: ``file:line``, for the message.
        separator: What parts texts within one; empty or None: nothing does.

    Raises:
        ValueError: As for :func:`cell_text`.
    """
    if isinstance(value, list):
        return [cell_text(part, where) for part in value]
    text = cell_text(value, where)
    return text.split(separator) if separator else [text]


def _is_empty(value: Any) -> bool:
    if isinstance(value, str):
        return not value or value.isspace()
    return value is None or value != value or value == []


def _encoding_message(path: Path, what: str, encoding: str, hint: str,
                      error: UnicodeDecodeError) -> str:
    name = encoding.removesuffix('-sig')
    rule = f'{what} must be {name.upper()}: {path}'
    raw = path.read_bytes()
    if name == 'utf-8' and raw[:2] in _UTF16_MARKS:
        return f'{rule} is UTF-16, save it anew'
    try:
        raw.decode(name)
    except UnicodeDecodeError as found:
        # The first one counted from a buffer's beginning.
        error = found
        before = raw[:found.start]
        line = len(_LINE_BREAK.findall(before)) + 1
        byte = found.start - 1 - max(before.rfind(b'\n'), before.rfind(b'\r'))
        rule += f':{line} is not, at byte {byte}'
    return f'{rule}: {error.reason}{hint}'


def _tsv_lines(file: TextIO, path: Path) -> tuple[_Fields, str]:
    return ((number, raw.rstrip('\r\n').split('\t'))
            for number, raw in enumerate(file, 1)), ''


def _csv_lines(file: TextIO, path: Path) -> tuple[_Fields, str]:
    # A delimiter within quotes separates nothing.
    header = re.sub(r'"[^"]*"', '', file.readline())
    file.seek(0)
    delimiter = max(_DELIMITERS, key=header.count)
    csv.field_size_limit(_MAX_FIELD_CHARS)
    reader = csv.reader(file, delimiter=delimiter, strict=True)

    def lines() -> _Fields:
        try:
            for fields in reader:
                yield reader.line_num, fields
        except csv.Error as error:
            raise ValueError(f'{path}:{reader.line_num}: not a CSV row: '
                             f'{error}') from error

    return lines(), f' (a text with {delimiter!r} in it needs quotes)'


def _tsv(file: TextIO, path: Path, rename: Rename) -> _Numbered:
    lines, hint = _tsv_lines(file, path)
    return _under_header(lines, path, rename, hint)


def _csv(file: TextIO, path: Path, rename: Rename) -> _Numbered:
    lines, hint = _csv_lines(file, path)
    return _under_header(lines, path, rename, hint)


def _under_header(lines: _Fields, path: Path, rename: Rename,
                  hint: str = '') -> _Numbered:
    for chunk in _chunks(lines, path, rename, hint, 1):
        for line, *fields in zip(chunk.lines, *chunk.columns.values(),
                                 strict=True):
            yield line, dict(zip(chunk.columns, fields, strict=True))


def _chunks(lines: _Fields, path: Path, rename: Rename, hint: str,
            size: int = _CHUNK_ROWS) -> Iterator[TableChunk]:
    header: Optional[list[str]] = None
    numbers: list[int] = []
    rows: list[list[str]] = []
    chars = 0
    broken: Optional[ValueError] = None
    try:
        for line, fields in lines:
            # All of them empty or white space.
            held = len(''.join(fields).strip())
            if not held:
                continue
            if header is None:
                header = [rename(name) for name in fields]
                check_columns(header, f'{path}:{line}')
                continue
            if len(fields) != len(header):
                raise ValueError(
                    f"a row must have the header's {len(header)} fields, got "
                    f'{len(fields)} at {path}:{line}{hint}')
            numbers.append(line)
            rows.append(fields)
            chars += held
            if len(rows) >= size or chars > _CHUNK_CHARS:
                yield _chunk(header, numbers, rows)
                numbers, rows, chars = [], [], 0
    except ValueError as error:
        # What stands before the broken row is looked at first.
        broken = error
    if rows:
        assert header is not None
        yield _chunk(header, numbers, rows)
    if broken is not None:
        raise broken


def _chunk(header: list[str], numbers: list[int], rows: list[list[str]]
           ) -> TableChunk:
    return TableChunk(numbers, {
        name: list(column) for name, column in zip(
            header, zip(*rows, strict=True), strict=True) if name})


class _Object(dict):
    """A JSON object that knows its keys as written, twice ones too."""
    names: list[str]


def _object(pairs: list[tuple[str, Any]]) -> _Object:
    result = _Object(pairs)
    result.names = [name for name, _ in pairs]
    return result


def _constant(name: str) -> None:
    # Python writes NaN for a missing value; infinity means no value.
    if name != 'NaN':
        raise ValueError(f'{name} is no number of JSON')


def _jsonl(file: TextIO, path: Path, rename: Rename) -> _Numbered:
    for line, raw in enumerate(file, 1):
        if not raw.strip():
            continue
        where = f'{path}:{line}'
        try:
            row = json.loads(raw, object_pairs_hook=_object,
                             parse_constant=_constant)
        except (ValueError, RecursionError) as error:
            raise ValueError(f'{where}: not a JSON object: {error}'
                             ) from error
        if not isinstance(row, _Object):
            raise ValueError(f'{where}: a line must be a JSON object, got '
                             f'{type(row).__name__}')
        check_columns([rename(name) for name in row.names], where)
        yield line, {rename(name): value for name, value in row.items()}


_LINES: dict[str, Callable[[TextIO, Path], tuple[_Fields, str]]] = {
    '.csv': _csv_lines, '.tsv': _tsv_lines}
_READERS: dict[str, Callable[[TextIO, Path, Rename], _Numbered]] = {
    '.csv': _csv, '.tsv': _tsv, '.jsonl': _jsonl}
