"""The one reader of tables: CSV, TSV and JSON lines, row by row.

A manifest and a user's own table stand on it. It knows encodings,
delimiters, quoting, limits and what an empty cell is; what the columns mean
is its callers' part. A further format (Parquet) is one more function in
``_READERS`` that yields ``(row number, {column: value})``.
"""
from __future__ import annotations

import csv
import io
import itertools
import json
import math
import re
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Optional, TextIO

#: Endings of the files that can be read.
SUFFIXES = ('.csv', '.tsv', '.jsonl')
#: Who keeps every row of a table as Python objects holds some five times its
#: bytes; a larger file belongs into a manifest, which is held as columns.
MAX_KEPT_BYTES = 4 << 30
_MAX_FIELD_CHARS = 10_000_000
_MAX_LINE_BYTES = 64 << 20
# Excel and other programs choose the comma by country.
_DELIMITERS = (',', ';', '\t', '|')
_UTF16_MARKS = (b'\xff\xfe', b'\xfe\xff')
# What is held of a table at once: rows, and characters.
_CHUNK_ROWS = 8192
_CHUNK_CHARS = 32 << 20
# What is read of a table at once.
_BLOCK_CHARS = 1 << 20
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
    lines: Sequence[int]
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
              max_rows: Optional[int] = None,
              max_bytes: Optional[int] = MAX_KEPT_BYTES
              ) -> Iterator[TableRow]:
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
            lines are not limited.
        max_bytes: So is a larger file; None: size is not limited, for a
            caller that keeps no row.

    Yields:
        The rows in file order.

    Raises:
        ValueError: The ending is unknown, the file is too long or not in its
            encoding, a column comes twice or a row is broken. The message
            names file and line.
    """
    path = Path(path)
    reader = _READERS[_suffix(path, what)]
    size = path.stat().st_size
    if max_bytes is not None and size > max_bytes:
        raise ValueError(
            f'{what} that is held in memory must have at most '
            f'{max_bytes / 2**30:.3g} GiB, {path} has {size / 2**30:.3g}: '
            'make a manifest of it (docs/data.md)')
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

    The rows and the arguments are those of :func:`read_rows`. Where a block of
    the file is regular it is parted in one step, some ten times as fast.

    Yields:
        The rows in file order, some thousand together; those before a broken
        row come before its error.

    Raises:
        ValueError: As there.
    """
    path = Path(path)
    suffix = _suffix(path, what)
    check_size(path, max_rows)
    with open_text(path, what, encoding, hint) as file:
        yield from _blocks(file, path, rename, suffix)


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


def check_size(path: Path, max_rows: Optional[int] = None) -> None:
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


def _tsv_lines(file: Iterable[str], path: Path, delimiter: str,
               first: int = 1) -> _Fields:
    return ((number, raw.rstrip('\r\n').split(delimiter))
            for number, raw in enumerate(file, first))


def _csv_lines(file: Iterable[str], path: Path, delimiter: str,
               first: int = 1) -> _Fields:
    csv.field_size_limit(_MAX_FIELD_CHARS)
    if sys.version_info < (3, 11):
        # There the module refuses NUL, which drops out of the cells anyway.
        file = (line.replace('\0', '') for line in file)
    reader = csv.reader(file, delimiter=delimiter, strict=True)
    try:
        for fields in reader:
            yield reader.line_num + first - 1, fields
    except csv.Error as error:
        raise ValueError(f'{path}:{reader.line_num + first - 1}: not a CSV '
                         f'row: {error}') from error


def _delimiter(file: TextIO, suffix: str) -> tuple[str, str]:
    """What parts the cells of a table, and a sentence on it."""
    if suffix == '.tsv':
        return '\t', ''
    # A delimiter within quotes separates nothing.
    header = re.sub(r'"[^"]*"', '', file.readline())
    file.seek(0)
    delimiter = max(_DELIMITERS, key=header.count)
    return delimiter, f' (a text with {delimiter!r} in it needs quotes)'


def _tsv(file: TextIO, path: Path, rename: Rename) -> _Numbered:
    return _under_header(file, path, rename, '.tsv')


def _csv(file: TextIO, path: Path, rename: Rename) -> _Numbered:
    return _under_header(file, path, rename, '.csv')


def _under_header(file: TextIO, path: Path, rename: Rename, suffix: str
                  ) -> _Numbered:
    delimiter, hint = _delimiter(file, suffix)
    for chunk in _chunks(_LINES[suffix](file, path, delimiter), path, rename,
                         hint, 1):
        for line, *fields in zip(chunk.lines, *chunk.columns.values(),
                                 strict=True):
            yield line, dict(zip(chunk.columns, fields, strict=True))


def _blocks(file: TextIO, path: Path, rename: Rename, suffix: str
            ) -> Iterator[TableChunk]:
    """Part a table block by block; line by line from the first one that is
    not regular, or of a ``.tsv``, whose lines stand alone, that block only.
    """
    delimiter, hint = _delimiter(file, suffix)
    lines_of = _LINES[suffix]
    header: Optional[list[str]] = None
    first = 1
    while True:
        try:
            block = file.read(_BLOCK_CHARS)
            if not block.endswith('\n'):
                block += file.readline()
        except UnicodeDecodeError:
            # What stands before the wrong byte is looked at first.
            file.seek(0)
            for _ in range(first - 1):
                file.readline()
            yield from _chunks(lines_of(file, path, delimiter, first), path,
                               rename, hint, header=header)
            return
        if not block:
            return
        chunk = None if header is None else _regular(block, header, delimiter,
                                                     first)
        if chunk is not None:
            yield chunk
            first += len(chunk.lines)
            continue
        own = io.StringIO(block, newline='')
        if suffix == '.csv' and ('"' in block or header is not None):
            # A quoted cell may go on beyond the block.
            yield from _chunks(
                lines_of(itertools.chain(own, file), path, delimiter, first),
                path, rename, hint, header=header)
            return
        # Of the first block the header alone, so that the rest is regular.
        lines = list(own)
        used = 0
        while header is None and used < len(lines):
            header = yield from _chunks(
                lines_of(lines[used:used + 1], path, delimiter, first), path,
                rename, hint)
            first += 1
            used += 1
        rest = ''.join(lines[used:])
        if not rest:
            continue
        chunk = _regular(rest, header or [], delimiter, first)
        if chunk is not None:
            yield chunk
        else:
            yield from _chunks(lines_of(lines[used:], path, delimiter, first),
                               path, rename, hint, header=header)
        first += len(lines) - used


def _regular(block: str, header: list[str], delimiter: str, first: int
             ) -> Optional[TableChunk]:
    """Part lines that all have the header's cells; None: not all have.

    Args:
        block: Whole lines.
        header: Names of the columns.
        delimiter: What parts cells.
        first: Number of the first line.
    """
    if (delimiter != '\t' and '"' in block) or '\0' in block or (
            len(block) > _MAX_FIELD_CHARS):
        return None
    if '\r' in block:
        if block.count('\r') != block.count('\r\n'):
            return None
        block = block.replace('\r\n', '\n')
    if not block.endswith('\n'):
        block += '\n'
    # The end of a line becomes a cell by itself, which must come once in
    # every row, in its last place: one list of all cells then is all rows.
    width = len(header) + 1
    cells = block.replace('\n', f'{delimiter}\n{delimiter}').split(delimiter)
    cells.pop()
    count = block.count('\n')
    if len(cells) != count * width or cells[width - 1::width] != (
            ['\n'] * count):
        return None
    columns = [cells[place::width] for place in range(len(header))]
    # Rows whose cells are all empty are passed over, one by one.
    if '' in columns[0] or any(map(str.isspace, columns[0])):
        return None
    return TableChunk(range(first, first + count), {
        name: column for name, column in zip(header, columns, strict=True)
        if name})


def _chunks(lines: _Fields, path: Path, rename: Rename, hint: str,
            size: int = _CHUNK_ROWS, header: Optional[list[str]] = None
            ) -> Generator[TableChunk, None, Optional[list[str]]]:
    """Part a table line by line; returns the header, None: not met yet."""
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
    return header


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


_LINES: dict[str, Callable[..., _Fields]] = {
    '.csv': _csv_lines, '.tsv': _tsv_lines}
_READERS: dict[str, Callable[[TextIO, Path, Rename], _Numbered]] = {
    '.csv': _csv, '.tsv': _tsv, '.jsonl': _jsonl}
