"""CVAT's XML export, "CVAT for images": pictures with tags and attributes.

https://docs.cvat.ai/docs/dataset_management/formats/format-cvat/.
"""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Optional
from xml.etree import ElementTree

from ...storage.folders import visible_files
from ..own_tables import SPLITS, SYNONYMS, Row
from .layout import PictureFinder, Reading, cleaned

_HEAD_BYTES = 4096
_MAX_BYTES = 1 << 30
# What stands on the whole picture, and what on a part of it.
_SHAPES = ('box', 'polygon', 'polyline', 'points', 'cuboid', 'mask',
           'ellipse', 'skeleton')


def recognises(folder: Path) -> Optional[str]:
    """Name the file; see :class:`~.layout.Layout`."""
    files = _files(folder)
    return f"found {files[0].name}, CVAT's annotations" if files else None


def rows(folder: Path, reading: Reading) -> list[Row]:
    """Read the pictures of all exports.

    The classes are the labels of the picture's tags; where it has none, of
    the shapes on it. Its texts are attributes of tags under a usual name
    (``caption``), its split the subset.

    Raises:
        FileNotFoundError: There is no export.
        ValueError: It is broken, too large, or declares entities.
    """
    files = _files(folder)
    if not files:
        raise FileNotFoundError(f'{folder} has no .xml file of annotations')
    pictures = PictureFinder(folder)
    return [row for path in files for row in _rows(path, pictures)]


def _rows(path: Path, pictures: PictureFinder) -> Iterator[Row]:
    size = path.stat().st_size
    if size > _MAX_BYTES:
        raise ValueError("CVAT's export must have at most "
                         f'{_MAX_BYTES >> 20} MiB: {path} has {size >> 20}')
    raw = path.read_bytes()
    if b'<!DOCTYPE' in raw or b'<!ENTITY' in raw:
        raise ValueError("CVAT's export must not declare a document type or "
                         f'entities: {path}')
    try:
        tree = ElementTree.fromstring(raw)
    except ElementTree.ParseError as error:
        raise ValueError(f"CVAT's export must be XML: {path} is not "
                         f'({error})') from error
    for number, image in enumerate(tree.iter('image')):
        where = f'{path}: image {number}'
        name = image.get('name')
        if not name:
            raise ValueError(f'an image must have a name: {where} has none')
        subset = image.get('subset', '').lower()
        tags = image.findall('tag')
        labels = [one.get('label', '') for one in tags] or [
            one.get('label', '') for kind in _SHAPES
            for one in image.findall(kind)]
        texts = [attribute.text or '' for one in tags
                 for attribute in one.findall('attribute')
                 if attribute.get('name', '').lower() in SYNONYMS['text']]
        yield Row(pictures.path(name, (f'images/{subset}', 'images')),
                  cleaned(dict.fromkeys(texts)),
                  cleaned(dict.fromkeys(labels)), SPLITS.get(subset, ''),
                  where)


def _files(folder: Path) -> list[Path]:
    files = []
    for path in visible_files(folder):
        if path.suffix.lower() == '.xml':
            with path.open('rb') as file:
                head = file.read(_HEAD_BYTES)
            if b'<annotations' in head:
                files.append(path)
    return files
