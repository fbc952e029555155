"""Read and write the manifest, the file that lists a data set's pairs."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Optional

from ..storage.files import atomic_write
from ..storage.tables import MAX_ROWS, cell_text, cell_texts, read_rows
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

    A row whose class is empty is a pair without a class.

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
            id comes twice, a split is empty, an image path leads
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
    records: list[PairRecord] = []
    seen: dict[str, str] = {}
    for where, row in read_rows(path, 'a manifest', 'utf-8-sig',
                                _column_name, max_rows=max_rows):
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


def shared_manifest(path: str | Path,
                    columns: Optional[dict[str, str]] = None,
                    label_separator: Optional[str] = None
                    ) -> list[PairRecord]:
    """Return :func:`read_manifest`'s rows, read once for all splits.

    The rows of the last manifest are kept: the data sets of training,
    validation and test read the same. A file that was written since, by its
    size and times, is read anew.

    Args:
        path: As there.
        columns: As there.
        label_separator: As there.

    Returns:
        A list of the caller's own.

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
        found = read_manifest(path, columns, label_separator)
        _LAST.clear()
        _LAST[key] = found
    return list(_LAST[key])


_LAST: dict[tuple, list[PairRecord]] = {}


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


def _column_name(name: str) -> str:
    """Lower the case of the names that are known, whatever theirs is."""
    lower = name.strip().lower()
    return lower if lower in _KNOWN else name.strip()


def _record(row: dict, columns: dict[str, str],
            label_separator: Optional[str], text_separator: str,
            where: str) -> PairRecord:
    def field(name: str, required: bool = True):
        column = columns.get(name)
        names = _SYNONYMS[name] if column is None else (column, )
        for candidate in names if column is None else (column, column.lower()):
            if candidate in row:
                return row[candidate]
        if required:
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
