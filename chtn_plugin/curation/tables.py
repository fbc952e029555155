"""A user's own table or folders, whatever the columns are called."""
from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from ..datasets.manifest import check_size
from ..text.articles import clean_text

SUFFIXES = ('.csv', '.tsv', '.jsonl')
IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.webp', '.gif', '.tif',
                  '.tiff')
TEXT_SEPARATOR = '|||'
#: Names a column goes by, without case, blanks and marks.
SYNONYMS = {
    'image': ('image', 'img', 'images', 'imagepath', 'imgpath', 'imagefile',
              'imagename', 'file', 'filename', 'filepath', 'path', 'photo',
              'picture', '图片', '图像'),
    'text': ('text', 'texts', 'caption', 'captions', 'sentence', 'sentences',
             'description', 'content', 'article', 'title', '文本', '描述'),
    'label': ('label', 'labels', 'class', 'classes', 'category',
              'categories', 'classname', '类别', '标签'),
    'split': ('split', 'set', 'subset', 'partition', 'fold'),
}
SPLITS = {'train': 'train', 'training': 'train', 'val': 'val',
          'valid': 'val', 'validation': 'val', 'dev': 'val', 'test': 'test',
          'testing': 'test'}
# Excel and other programs choose the comma by country.
_DELIMITERS = (',', ';', '\t', '|')


@dataclass(frozen=True)
class Row:
    """One row of a user's data.

    Attributes:
        image: Path as written, or None.
        texts: Cleaned texts.
        classes: Class names.
        split: ``'train'``, ``'val'``, ``'test'`` or empty.
        where: ``file:line``, for messages.
    """
    image: Optional[str]
    texts: tuple[str, ...]
    classes: tuple[str, ...]
    split: str
    where: str


def find_table(folder: Path, written: str) -> Optional[Path]:
    """Return the one table in a folder, or None.

    Args:
        folder: The user's folder.
        written: Name of a file that we write ourselves.

    Raises:
        ValueError: There are several.
    """
    tables = sorted(path for path in folder.iterdir()
                    if path.suffix.lower() in SUFFIXES
                    and path.name != written)
    if len(tables) > 1:
        raise ValueError(f'{folder} holds several tables '
                         f'({", ".join(path.name for path in tables)}): name '
                         'one with --table')
    return tables[0] if tables else None


def read_table(path: Path, columns: Mapping[str, str],
               label_separator: str = ';',
               encoding: Optional[str] = None) -> list[Row]:
    """Read a table of images, texts and labels.

    Args:
        path: ``.csv`` (delimiter found by its header), ``.tsv`` (no quoting)
            or ``.jsonl``.
        columns: Column of ``image``, ``text``, ``label`` or ``split``, where
            it is not called by one of the usual names. Numbered columns
            (``caption_1``, ``caption_2``) hold several texts.
        label_separator: Separates several labels; empty: there are none.
        encoding: Encoding; None: UTF-8, or UTF-16 with its mark.

    Returns:
        The rows in file order.

    Raises:
        ValueError: The file cannot be read or is too long, a column is
            missing or unknown, or a row has no label. The message names file
            and line.
    """
    readers = {'.csv': _csv, '.tsv': _tsv, '.jsonl': _jsonl}
    if path.suffix.lower() not in readers:
        raise ValueError(f'a table ends in {", ".join(SUFFIXES)}, got {path}')
    check_size(path)
    text = _decoded(path, encoding)
    rows = list(readers[path.suffix.lower()](text, path))
    if not rows:
        raise ValueError(f'a table needs at least one row: {path} has none')
    # An object of JSON lines may lack what others have.
    header = list(dict.fromkeys(name for _, cells in rows for name in cells))
    names = _columns(header, columns, path)
    return [_row({field: [cells.get(name) for name in found]
                  for field, found in names.items()}, label_separator,
                 f'{path}:{line}') for line, cells in rows]


def read_folders(folder: Path, line_texts: bool = False) -> list[Row]:
    """Read class folders: pictures with same-named ``.txt`` files.

    ``<folder>/<class>/<name>.jpg`` and ``<name>.txt``; there may be folders
    ``train``, ``val`` and ``test`` above the classes, and ``images`` above
    all. A picture without a text, or a text without a picture, is a row too.

    Args:
        folder: The user's folder.
        line_texts: Whether each line of a file is a text of its own.

    Returns:
        The rows by class and name.

    Raises:
        FileNotFoundError: There are no class folders with pictures.
    """
    top = folder / 'images' if (folder / 'images').is_dir() else folder
    parts = _subfolders(top)
    if parts and all(part.name.lower() in SPLITS for part in parts):
        labelled = [(label, SPLITS[part.name.lower()]) for part in parts
                    for label in _subfolders(part)]
    else:
        labelled = [(label, '') for label in parts]
    rows = []
    for label, split in labelled:
        stems: dict[str, dict[str, Path]] = {}
        for path in sorted(label.iterdir()):
            suffix = path.suffix.lower()
            if suffix == '.txt' or suffix in IMAGE_SUFFIXES:
                kind = 'text' if suffix == '.txt' else 'image'
                stems.setdefault(path.stem, {}).setdefault(kind, path)
        for found in stems.values():
            texts = (_file_texts(found['text'], line_texts)
                     if 'text' in found else ())
            image = found.get('image')
            if image or texts:
                rows.append(Row(
                    image.relative_to(folder).as_posix() if image else None,
                    texts,
                    (label.name, ), split, str(image or found['text'])))
    if not any(row.image for row in rows):
        raise FileNotFoundError(
            f'{folder} has no table ({", ".join(SUFFIXES)}) and no class '
            'folders with pictures')
    return rows


def _subfolders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir()
                  if path.is_dir() and not path.name.startswith('.'))


def _file_texts(path: Path, line_texts: bool) -> tuple[str, ...]:
    text = _decoded(path, None)
    parts = text.splitlines() if line_texts else [text]
    return tuple(clean for part in parts if (clean := clean_text(part)))


def _decoded(path: Path, encoding: Optional[str]) -> str:
    raw = path.read_bytes()
    if encoding is None:
        utf16 = raw[:2] in (b'\xff\xfe', b'\xfe\xff')
        encoding = 'utf-16' if utf16 else 'utf-8-sig'
    try:
        return raw.decode(encoding)
    except LookupError as error:
        raise ValueError(str(error)) from error
    except UnicodeDecodeError as error:
        line = raw[:error.start].count(b'\n') + 1
        raise ValueError(
            f'{path}:{line} is not {encoding.removesuffix("-sig").upper()}: '
            f'{error.reason}. Name its encoding with --encoding, such as '
            'gb18030 or cp1252') from error


def _csv(text: str, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    header = text.partition('\n')[0]
    delimiter = max(_DELIMITERS, key=header.count)
    csv.field_size_limit(10_000_000)
    reader = csv.DictReader(io.StringIO(text, newline=''),
                            delimiter=delimiter, strict=True)
    try:
        for cells in reader:
            if None in cells or None in cells.values():
                width = len(reader.fieldnames or ())
                raise ValueError(
                    f'a row must have the header\'s {width} '
                    f'fields: {path}:{reader.line_num} has not (a text with '
                    f'{delimiter!r} in it needs quotes)')
            yield reader.line_num, cells
    except csv.Error as error:
        raise ValueError(f'{path}:{reader.line_num}: not a CSV row: '
                         f'{error}') from error


def _tsv(text: str, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    header: list[str] = []
    for line, raw in enumerate(re.split(r'\r\n|\r|\n', text), 1):
        fields = raw.split('\t')
        if not header:
            header = fields
        elif any(fields):
            if len(fields) != len(header):
                raise ValueError(f'a row must have the header\'s '
                                 f'{len(header)} fields: {path}:{line} has '
                                 f'{len(fields)}')
            yield line, dict(zip(header, fields, strict=True))


def _jsonl(text: str, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for line, raw in enumerate(text.split('\n'), 1):
        if raw.strip():
            try:
                cells = json.loads(raw)
            except (ValueError, RecursionError) as error:
                raise ValueError(f'{path}:{line}: not a JSON object: '
                                 f'{error}') from error
            if not isinstance(cells, dict):
                raise ValueError(f'{path}:{line}: a line must be a JSON '
                                 f'object, got {type(cells).__name__}')
            yield line, cells


def _columns(header: list[str], given: Mapping[str, str],
             path: Path) -> dict[str, list[str]]:
    """Return the columns of each field: several of texts, else one."""
    plain = [re.sub(r'[\W_]+', '', name).casefold() for name in header]
    names: dict[str, list[str]] = {}
    for field, synonyms in SYNONYMS.items():
        if field in given:
            if given[field] not in header:
                raise ValueError(f'no column {given[field]!r} in {path}, '
                                 f'there are {header}')
            names[field] = [given[field]]
            continue
        number = r'(\d{0,4})' if field == 'text' else '()'
        for synonym in synonyms:
            found: dict[int, str] = {}
            for column, name in zip(header, plain, strict=True):
                if match := re.fullmatch(synonym + number, name):
                    found.setdefault(int(match[1] or 0), column)
            if found:
                names[field] = [found[key] for key in sorted(found)]
                break
    lacking = [f'--{field}-column' for field in ('image', 'text', 'label')
               if field not in names]
    if lacking:
        raise ValueError(
            'a table needs columns of images, texts and labels: '
            f'{path} has {header}. Name what is not found with '
            f'{", ".join(lacking)} (a column may be empty)')
    return names


def _row(cells: Mapping[str, list[Any]], label_separator: str,
         where: str) -> Row:
    def parts(value: Any, separator: str) -> tuple[str, ...]:
        if not isinstance(value, list):
            value = '' if value is None else str(value)
            value = value.split(separator) if separator else [value]
        return tuple(clean for part in value
                     if (clean := clean_text(str(part))))

    classes = parts(cells['label'][0], label_separator)
    image = ' '.join(parts(cells['image'][0], ''))
    texts = tuple(text for cell in cells['text']
                  for text in parts(cell, TEXT_SEPARATOR))
    split = str(cells.get('split', [''])[0] or '').strip().lower()
    if not classes:
        raise ValueError(f'a row needs a label: {where} has none')
    if split and split not in SPLITS:
        raise ValueError(f'a split must be one of {sorted(SPLITS)}, got '
                         f'{split!r} at {where}')
    if not image and not texts:
        raise ValueError('a row needs an image, a text or both: '
                         f'{where} has neither')
    try:
        ''.join((image, *texts, *classes)).encode('utf-8')
    except UnicodeEncodeError as error:
        raise ValueError('a row must not hold half a character (a lone '
                         f'surrogate): {where}') from error
    return Row(image.replace('\\', '/') or None, texts, classes,
               SPLITS.get(split, ''), where)
