"""List the pictures and texts of a folder, manifest or file of lines."""
from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Optional

from chtn_plugin.datasets.manifest import other_columns, read_manifest
from chtn_plugin.storage.folders import walk_files
from chtn_plugin.storage.pictures import SUFFIXES
from chtn_plugin.storage.shards import file_of
from chtn_plugin.storage.tables import SUFFIXES as TABLE_SUFFIXES

Item = dict[str, Any]
KINDS = ('image', 'text')
ITEM_FIELDS = ('kind', 'id', 'path', 'text', 'label')
_MAX_LINES = 10_000_000


def list_items(source: str | Path, label_separator: Optional[str] = None
               ) -> list[Item]:
    """List everything in a source that can be encoded, in a fixed order.

    Args:
        source: A folder (its pictures, and the lines of its ``.txt`` files,
            with those of folders inside it, hidden ones left out); a
            manifest (images and texts); a ``.txt`` file, one text a line; or
            one picture.
        label_separator: Of a manifest; see :func:`read_manifest`.

    Returns:
        Items: ``kind``, ``id`` (unique within the source), ``path``,
        ``text``, ``label``, ``classes`` and ``columns``, its other cells by
        column (of manifests alone), and
        ``stamp``, which changes with a file.

    Raises:
        FileNotFoundError: There is nothing of that name.
        ValueError: It is none of these.
    """
    path = Path(source)
    if path.is_dir():
        return [item for file in sorted(walk_files(path))
                for item in _of_file(file, file.relative_to(path).as_posix())]
    if not path.is_file():
        raise FileNotFoundError(f'gallery not found: {path}')
    if path.suffix in TABLE_SUFFIXES:
        return _of_manifest(path, label_separator)
    items = list(_of_file(path, path.name))
    if not items and path.suffix != '.txt':
        raise ValueError(
            'a gallery must be a folder, a manifest (.tsv, .csv, .jsonl), an '
            f'index, embeddings (.npz), a .txt file or a picture: {path} is '
            'none')
    return items


def _of_file(path: Path, name: str) -> list[Item]:
    if path.suffix.lower() in SUFFIXES:
        return [_image(path, name)]
    if path.suffix.lower() != '.txt':
        return []
    items = []
    try:
        with path.open(encoding='utf-8-sig') as file:
            for line, text in enumerate(file, 1):
                if line > _MAX_LINES:
                    raise ValueError('a file of texts must have at most '
                                     f'{_MAX_LINES} lines: {path} has more')
                if text.strip():
                    items.append(_text(f'{name}:{line}', text.strip()))
    except UnicodeDecodeError as error:
        raise ValueError(f'a file of texts must be UTF-8: {path} is not '
                         f'({error.reason} at byte {error.start})') from error
    return items


def _of_manifest(path: Path, label_separator: Optional[str]) -> list[Item]:
    items = []
    seen = set()
    for record, columns in zip(
            read_manifest(path, label_separator=label_separator),
            other_columns(path), strict=True):
        if record.image and record.image not in seen:
            seen.add(record.image)
            items.append(Item(_image(path.parent / record.image, record.image,
                                     record.classes), columns=columns))
        for number, text in enumerate(record.texts):
            name = f'{record.id}#{number}' if number else record.id
            items.append(Item(_text(name, text, record.classes),
                              columns=columns))
    return items


def _image(path: Path, name: str, classes: tuple[str, ...] = ()) -> Item:
    try:
        status = os.stat(file_of(path))
        stamp = f'{status.st_size}:{status.st_mtime_ns}'
    except OSError:
        stamp = ''
    return Item(kind='image', id=name, path=str(path), text='',
                label=', '.join(classes), classes=classes, stamp=stamp)


def _text(name: str, text: str, classes: tuple[str, ...] = ()) -> Item:
    return Item(kind='text', id=name, path=None, text=text,
                label=', '.join(classes), classes=classes, stamp=text)


def item_key(item: Item) -> str:
    """Return the key that shows whether an item is there, unchanged."""
    return json.dumps([item['kind'], item['id'], item.get('stamp', '')])
