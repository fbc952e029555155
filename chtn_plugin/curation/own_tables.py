"""Read pairs from a user's own table or folders, whatever the columns."""
from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from ..datasets.manifest import column_to_keep
from ..storage.folders import one_form, visible_files, visible_folders
from ..storage.pictures import SUFFIXES as IMAGE_SUFFIXES
from ..storage.tables import (
    SUFFIXES,
    TableRow,
    cell_text,
    cell_texts,
    open_text,
    read_rows,
)
from ..text.articles import clean_text

TEXT_SEPARATOR = '|||'
#: Name of the manifest that is written into a folder.
MANIFEST = 'manifest.tsv'
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
_HINT = '. Name its encoding with --encoding, such as gb18030 or cp1252'


@dataclass(frozen=True)
class Row:
    """One row of a user's data.

    Attributes:
        image: Path as written, or None.
        texts: Cleaned texts.
        classes: Class names.
        split: ``'train'``, ``'val'``, ``'test'`` or empty.
        where: ``file:line``, for messages.
        other: Cells of the table's further columns that hold something, by
            the name under which a manifest keeps them.
    """
    image: Optional[str]
    texts: tuple[str, ...]
    classes: tuple[str, ...]
    split: str
    where: str
    other: tuple[tuple[str, str], ...] = ()


def find_table(folder: Path, written: str) -> Optional[Path]:
    """Return the one table in a folder, or None.

    Args:
        folder: The user's folder.
        written: Name of a file that we write ourselves.

    Raises:
        ValueError: There are several.
    """
    tables = tables_of(folder, written)
    if len(tables) > 1:
        raise ValueError(f'{folder} holds several tables '
                         f'({", ".join(path.name for path in tables)}): name '
                         'one with --table')
    return tables[0] if tables else None


def tables_of(folder: Path, written: str) -> list[Path]:
    """Return the tables directly in a folder.

    Args:
        folder: The user's folder.
        written: Name of a file that we write ourselves.
    """
    return [path for path in visible_files(folder)
            if path.suffix.lower() in SUFFIXES and path.name != written]


def read_table(path: Path, columns: Mapping[str, str],
               label_separator: str = ';',
               encoding: Optional[str] = None,
               needs_label: bool = True) -> list[Row]:
    """Read a table of images, texts and labels.

    Args:
        path: ``.csv`` (delimiter found by its header), ``.tsv`` (no quoting)
            or ``.jsonl``.
        columns: Column of ``image``, ``text``, ``label`` or ``split``, where
            it is not called by one of the usual names. Numbered columns
            (``caption_1``, ``caption_2``) hold several texts.
        label_separator: Separates several labels; empty: there are none.
        encoding: Encoding; None: UTF-8, or UTF-16 with its mark.
        needs_label: Whether there must be a column of labels.

    Returns:
        The rows in file order.

    Raises:
        ValueError: The file cannot be read or is too long, a column is
            missing or unknown, or a row is broken. The message names file
            and line.
    """
    rows = list(read_rows(path, 'a table', encoding, hint=_HINT))
    return rows_of_cells(rows, path, columns, label_separator, needs_label)


def rows_of_cells(rows: Sequence[TableRow], path: Path,
                  columns: Mapping[str, str],
                  label_separator: str = ';',
                  needs_label: bool = True) -> list[Row]:
    """Find images, texts and labels in the cells of a table's rows.

    Args:
        rows: What was read.
        path: The table, for messages.
        columns: As for :func:`read_table`.
        label_separator: As for :func:`read_table`.
        needs_label: As for :func:`read_table`.

    Raises:
        ValueError: As for :func:`read_table`.
    """
    if not rows:
        raise ValueError(f'a table needs at least one row: {path} has none')
    # An object of JSON lines may lack what others have.
    header = list(dict.fromkeys(name for row in rows for name in row.cells))
    names = _columns(header, columns, path)
    _check_found(names, ('image', 'text', 'label') if needs_label else
                 ('image', 'text'), header, path)
    taken = {name for parts in names.values() for name in parts}
    others = {name: column_to_keep(name) for name in header
              if name not in taken}
    return [_row({field: [row.cells.get(name) for name in parts]
                  for field, parts in names.items()}, label_separator,
                 row.where, _others(row, others)) for row in rows]


def read_labels(path: Path, columns: Mapping[str, str],
                label_separator: str = ';',
                encoding: Optional[str] = None
                ) -> list[tuple[str, tuple[str, ...]]]:
    """Read a table that says the labels of pictures, and nothing more.

    Args:
        path: As for :func:`read_table`.
        columns: As for :func:`read_table`.
        label_separator: As for :func:`read_table`.
        encoding: As for :func:`read_table`.

    Returns:
        Picture as written and its labels, in file order.

    Raises:
        ValueError: As for :func:`read_table`.
    """
    rows = list(read_rows(path, 'a table of labels', encoding, hint=_HINT))
    header = list(dict.fromkeys(name for row in rows for name in row.cells))
    names = _columns(header, columns, path)
    _check_found(names, ('image', 'label'), header, path)
    return [(cell_text(row.cells.get(names['image'][0]), row.where).strip()
             .replace('\\', '/'),
             _parts(row.cells.get(names['label'][0]), row.where,
                    label_separator)) for row in rows]


def recognised_fields(path: Path, encoding: Optional[str] = None
                      ) -> dict[str, list[str]]:
    """Return the columns of each field that a table's first row shows.

    Args:
        path: The table.
        encoding: As for :func:`read_table`.

    Raises:
        ValueError: As for :func:`read_table`; no column is asked for.
    """
    first = next(read_rows(path, 'a table', encoding, hint=_HINT), None)
    return _columns(list(first.cells), {}, path) if first else {}


def read_folders(folder: Path, line_texts: bool = False,
                 encoding: Optional[str] = None) -> list[Row]:
    """Read class folders: pictures with same-named ``.txt`` files.

    ``<folder>/<class>/<name>.jpg`` and ``<name>.txt``; there may be folders
    ``train``, ``val`` and ``test`` above the classes, and ``images`` above
    all. A picture without a text, or a text without a picture, is a row too.

    Args:
        folder: The user's folder.
        line_texts: Whether each line of a file is a text of its own.
        encoding: Encoding of the texts; None: UTF-8, or UTF-16 with its
            mark.

    Returns:
        The rows by class and name.

    Raises:
        FileNotFoundError: There are no class folders with pictures.
        ValueError: A text is in another encoding, or two pictures or two
            texts of a class go by one name.
    """
    top = folder / 'images' if (folder / 'images').is_dir() else folder
    parts = visible_folders(top)
    if parts and all(part.name.lower() in SPLITS for part in parts):
        labelled = [(label, SPLITS[part.name.lower()]) for part in parts
                    for label in visible_folders(part)]
    else:
        labelled = [(label, '') for label in parts]
    rows = []
    for label, split in labelled:
        for image, text in _couples(label):
            texts = _file_texts(text, line_texts, encoding) if text else ()
            if image or texts:
                rows.append(Row(
                    image.relative_to(folder).as_posix() if image else None,
                    texts, (label.name, ), split, str(image or text)))
    if not any(row.image for row in rows):
        raise FileNotFoundError(
            f'{folder} has no table ({", ".join(SUFFIXES)}) and no class '
            'folders with pictures')
    return rows


def _couples(folder: Path) -> list[tuple[Optional[Path], Optional[Path]]]:
    """Picture and text of each name in a folder."""
    couples: dict[str, dict[str, Path]] = {}
    for path in visible_files(folder):
        suffix = path.suffix.lower()
        if suffix == '.txt' or suffix in IMAGE_SUFFIXES:
            kind = 'text' if suffix == '.txt' else 'picture'
            # A Mac may have named one of the two in another Unicode form.
            couple = couples.setdefault(one_form(path.stem), {})
            if kind in couple:
                raise ValueError(f'a {kind} must be the only one of its name '
                                 f'in its folder: {couple[kind]} and '
                                 f'{path.name} go by one, rename either')
            couple[kind] = path
    return [(couple.get('picture'), couple.get('text'))
            for couple in couples.values()]


def _file_texts(path: Path, line_texts: bool,
                encoding: Optional[str]) -> tuple[str, ...]:
    with open_text(path, 'a text', encoding, _HINT) as file:
        text = file.read()
    parts = text.splitlines() if line_texts else [text]
    return tuple(clean for part in parts if (clean := clean_text(part)))


def _columns(header: list[str], named: Mapping[str, str],
             path: Path) -> dict[str, list[str]]:
    """Return the columns of each field found: several of texts, else one."""
    plain = [re.sub(r'[\W_]+', '', name).casefold() for name in header]
    names: dict[str, list[str]] = {}
    for field, synonyms in SYNONYMS.items():
        if field in named:
            column = named[field].strip()
            if column not in header:
                raise ValueError(f'no column {named[field]!r} in {path}, '
                                 f'there are {header}')
            names[field] = [column]
            continue
        number = r'(\d{0,4})' if field == 'text' else '()'
        for synonym in synonyms:
            columns: dict[int, str] = {}
            for column, name in zip(header, plain, strict=True):
                if match := re.fullmatch(synonym + number, name):
                    place = int(match[1] or -1)
                    if place in columns:
                        raise ValueError(
                            f'a column must come once: {path} has '
                            f'{columns[place]!r} and {column!r}. Name the one '
                            f'to read with --{field}-column')
                    columns[place] = column
            if columns:
                names[field] = [columns[key] for key in sorted(columns)]
                break
    return names


def _check_found(names: Mapping[str, list[str]], fields: Sequence[str],
                 header: Sequence[str], path: Path) -> None:
    lacking = [f'--{field}-column' for field in fields if field not in names]
    if lacking:
        elsewhere = ('; --label-from takes the labels from elsewhere'
                     if '--label-column' in lacking and 'text' in fields
                     else '')
        raise ValueError(
            f'a table needs columns of {_listed(fields)}: '
            f'{path} has {list(header)}. Name what is not found with '
            f'{", ".join(lacking)} (a column may be empty){elsewhere}')


def _listed(fields: Sequence[str]) -> str:
    plural = [f'{field}s' for field in fields]
    return f'{", ".join(plural[:-1])} and {plural[-1]}'


def _parts(value: Any, where: str, separator: str) -> tuple[str, ...]:
    return tuple(clean for part in cell_texts(value, where, separator)
                 if (clean := clean_text(part)))


def _others(row: TableRow, names: Mapping[str, str]
            ) -> tuple[tuple[str, str], ...]:
    """Further cells that are text or numbers, or lists of them."""
    found: dict[str, str] = {}
    for name, kept in names.items():
        try:
            text = '; '.join(filter(None, map(str.strip, cell_texts(
                row.cells.get(name), row.where))))
        except ValueError:
            # What is nested, say, is nothing to filter by.
            continue
        if text:
            found.setdefault(kept, text)
    return tuple(found.items())


def _row(cells: Mapping[str, list[Any]], label_separator: str,
         where: str, other: tuple[tuple[str, str], ...]) -> Row:
    classes = _parts(cells.get('label', [''])[0], where, label_separator)
    images = _parts(cells['image'][0], where, '')
    texts = tuple(text for cell in cells['text']
                  for text in _parts(cell, where, TEXT_SEPARATOR))
    split = cell_text(cells.get('split', [''])[0], where).strip().lower()
    if len(images) > 1:
        raise ValueError('a row must name one image: '
                         f'{where} names {list(images)}')
    if split and split not in SPLITS:
        raise ValueError(f'a split must be one of {sorted(SPLITS)}, got '
                         f'{split!r} at {where}')
    if not images and not texts:
        raise ValueError('a row needs an image, a text or both: '
                         f'{where} has neither')
    return Row(images[0].replace('\\', '/') if images else None, texts,
               classes, SPLITS.get(split, ''), where, other)
