"""Karpathy's splits: one JSON of pictures, their sentences and splits.

``dataset_coco.json``, ``dataset_flickr8k.json``, ``dataset_flickr30k.json``
of https://cs.stanford.edu/people/karpathy/deepimagesent/.
"""
from __future__ import annotations

from pathlib import Path
from typing import Optional

from ...storage.folders import visible_files
from ...storage.json_files import read_json_object
from ..own_tables import SPLITS, Row
from .layout import (
    PictureFinder,
    Reading,
    cleaned,
    expected_shape,
    string,
)

_WHAT = "a file of Karpathy's splits"
_HEAD_BYTES = 1 << 20
_SPLITS = {**SPLITS, 'restval': 'train'}


def recognises(folder: Path) -> Optional[str]:
    """Name the file; see :class:`~.layout.Layout`."""
    files = _files(folder)
    return f'found {files[0].name}, whose images have sentences' if (
        files) else None


def rows(folder: Path, reading: Reading) -> list[Row]:
    """Read the pictures, each with its sentences and split.

    ``restval``, the part of COCO's validation set that the literature trains
    on, is training.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: There are several, or it is broken.
    """
    files = _files(folder)
    if not files:
        raise FileNotFoundError(f'{folder} has no .json file whose images '
                                'have sentences')
    if len(files) > 1:
        raise ValueError(f"{folder} must hold one file of Karpathy's splits, "
                         f'it holds {", ".join(path.name for path in files)}')
    path, = files
    data = read_json_object(path, _WHAT)
    pictures = PictureFinder(folder)
    pairs = []
    with expected_shape(path, _WHAT):
        for number, one in enumerate(data['images']):
            where = f'{path}: image {number}'
            split = string(one.get('split', ''), 'a split', path)
            if split and split not in _SPLITS:
                raise ValueError(f'a split must be one of {sorted(_SPLITS)}, '
                                 f'got {split!r} at {where}')
            below = string(one.get('filepath', ''), 'a filepath', path)
            pairs.append(Row(
                pictures.path(string(one['filename'], 'a filename', path),
                              (below, f'images/{below}') if below else ()),
                cleaned(string(sentence['raw'], 'a sentence', path)
                        for sentence in one['sentences']),
                (), _SPLITS.get(split, ''), where))
    return pairs


def _files(folder: Path) -> list[Path]:
    files = []
    for path in visible_files(folder):
        if path.suffix == '.json':
            with path.open('rb') as file:
                head = file.read(_HEAD_BYTES)
            if b'"images"' in head and b'"sentences"' in head:
                files.append(path)
    return files
