"""Find classes for layouts that hold none: folders, names or a file."""
from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from ..own_tables import Row, read_labels
from .coco import categories_by_picture
from .layout import Reading

KINDS = ('folder', 'none', 'column:NAME', 'file:PATH', 'name:PATTERN')


def reading_for(source: str, reading: Reading) -> Reading:
    """Return how to read a folder whose classes come from ``source``.

    Args:
        source: One of ``KINDS``.
        reading: How the user has it read otherwise.

    Raises:
        ValueError: The source is none of them.
    """
    kind, value = _parted(source)
    if kind == 'column':
        return dataclasses.replace(
            reading, columns=dict(reading.columns, label=value))
    return dataclasses.replace(reading, needs_label=False)


def relabelled(rows: Sequence[Row], source: str, folder: Path,
               reading: Reading) -> list[Row]:
    """Give rows the classes of a source, in place of their own.

    Args:
        rows: The rows.
        source: ``'folder'``: the name of the picture's folder.
            ``'none'``: no row has a class.
            ``'column:NAME'``: what was read from there.
            ``'file:PATH'``: a table of pictures and labels, or
            ``instances_*.json`` of COCO, relative to the folder.
            ``'name:PATTERN'``: what a regular expression finds in the
            picture's file name, its first group where it has one.
        folder: The user's folder.
        reading: How to read a table.

    Returns:
        The rows in their order; a row that the source does not know has no
        class.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The source is none of these, or broken.
    """
    kind, value = _parted(source)
    if kind == 'column':
        return list(rows)
    find: Callable[[str], tuple[str, ...]]
    if kind == 'none':
        def find(image: str) -> tuple[str, ...]:
            return ()
    elif kind == 'folder':
        def find(image: str) -> tuple[str, ...]:
            name = PurePosixPath(image).parent.name
            return (name, ) if name else ()
    elif kind == 'name':
        find = _by_pattern(value)
    else:
        find = _by_file(folder / value, reading)
    return [dataclasses.replace(row, classes=find(row.image)
                                if row.image else ()) for row in rows]


def _parted(source: str) -> tuple[str, str]:
    kind, colon, value = source.partition(':')
    bare = kind in ('folder', 'none')
    if kind not in {known.partition(':')[0] for known in KINDS} or (
            bare == bool(colon)) or (colon and not value):
        raise ValueError(f'--label-from must be one of {", ".join(KINDS)}, '
                         f'got {source!r}')
    return kind, value


def _by_pattern(pattern: str) -> Callable[[str], tuple[str, ...]]:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ValueError('--label-from name:PATTERN must be a regular '
                         f'expression, got {pattern!r}: {error}') from error

    def find(image: str) -> tuple[str, ...]:
        match = compiled.search(PurePosixPath(image).name)
        if match is None:
            return ()
        name = (match[1] if compiled.groups else match[0]) or ''
        return (name.strip(), ) if name.strip() else ()

    return find


def _by_file(path: Path, reading: Reading
             ) -> Callable[[str], tuple[str, ...]]:
    if not path.is_file():
        raise FileNotFoundError(f'--label-from file: no such file: {path}')
    pairs = (list(categories_by_picture(path).items())
             if path.suffix.lower() == '.json' else
             read_labels(path, reading.columns, reading.label_separator,
                         reading.encoding))
    known: dict[str, tuple[str, ...]] = {}
    for name, labels in pairs:
        # A picture in several rows has all of their labels.
        known[name] = tuple(dict.fromkeys((*known.get(name, ()), *labels)))
    by_name: dict[str, set[tuple[str, ...]]] = {}
    for name, labels in known.items():
        by_name.setdefault(PurePosixPath(name).name, set()).add(labels)

    def find(image: str) -> tuple[str, ...]:
        if image in known:
            return known[image]
        several = by_name.get(PurePosixPath(image).name, set())
        if len(several) > 1:
            raise ValueError(f'{path} must say which {image!r} it means: it '
                             'has several pictures of this name')
        return next(iter(several), ())

    return find
