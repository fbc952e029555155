"""COCO captions: ``annotations/captions_*.json`` and folders of pictures.

https://cocodataset.org/#format-data. The classes are the categories of the
objects in ``instances_*.json`` of the same name, where it is there.
"""
from __future__ import annotations

from pathlib import Path
from typing import Any, Optional

from ...storage.folders import visible_files
from ...storage.json_files import read_json_object
from ..own_tables import Row
from .layout import (
    PictureFinder,
    Reading,
    cleaned,
    expected_shape,
    split_in_name,
    string,
    without_single_split,
)

_WHAT = 'a file of COCO annotations'


def recognises(folder: Path) -> Optional[str]:
    """Name the captions; see :class:`~.layout.Layout`."""
    files = _files(folder, 'captions')
    return f'found {files[0].relative_to(folder)}' if files else None


def rows(folder: Path, reading: Reading) -> list[Row]:
    """Read every captions file of the folder.

    Raises:
        FileNotFoundError: There is none.
        ValueError: One is broken, or a picture cannot be told from another.
    """
    files = _files(folder, 'captions')
    if not files:
        raise FileNotFoundError(f'{folder} has no captions_*.json, in '
                                'annotations or directly')
    pictures = PictureFinder(folder)
    pairs = [row for path in files for row in _rows(path, pictures)]
    return without_single_split(pairs)


def categories_by_picture(path: Path) -> dict[str, tuple[str, ...]]:
    """The categories of each picture's objects, by file name.

    Args:
        path: ``instances_*.json``.

    Raises:
        FileNotFoundError, ValueError: It is not there, or broken.
    """
    data = read_json_object(path, _WHAT)
    with expected_shape(path, _WHAT):
        names = {one['id']: string(one['name'], 'a category', path).strip()
                 for one in data['categories']}
        files = _file_names(data, path)
        named: dict[Any, dict[str, None]] = {}
        for one in data['annotations']:
            if one['category_id'] not in names:
                raise ValueError(
                    f"category_id must be one of {_WHAT}'s categories, got "
                    f'{one["category_id"]!r} in {path}')
            named.setdefault(one['image_id'], {})[
                names[one['category_id']]] = None
        return {name: tuple(sorted(named.get(key, ())))
                for key, name in files.items()}


def _files(folder: Path, kind: str) -> list[Path]:
    places = [place for place in (folder / 'annotations', folder)
              if place.is_dir()]
    return [path for place in places for path in visible_files(place)
            if path.suffix == '.json' and path.name.startswith(kind)]


def _rows(path: Path, pictures: PictureFinder) -> list[Row]:
    data = read_json_object(path, _WHAT)
    instances = path.with_name(path.name.replace('captions', 'instances', 1))
    classes = (categories_by_picture(instances) if instances.is_file()
               else {})
    part = path.stem.removeprefix('captions').strip('_-')
    with expected_shape(path, _WHAT):
        files = _file_names(data, path)
        texts: dict[Any, list[str]] = {key: [] for key in files}
        for one in data['annotations']:
            if one['image_id'] not in texts:
                raise ValueError("image_id must be one of the file's "
                                 f'images, got {one["image_id"]!r} in {path}')
            texts[one['image_id']].append(
                string(one['caption'], 'a caption', path))
        below = [place for place in (part, f'images/{part}') if part]
        return [Row(pictures.path(name, below), cleaned(texts[key]),
                    classes.get(name, ()), split_in_name(part),
                    f'{path}: image {key}') for key, name in files.items()]


def _file_names(data: dict[str, Any], path: Path) -> dict[Any, str]:
    return {one['id']: string(one['file_name'], 'a file_name', path)
            for one in data['images']}
