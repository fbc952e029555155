"""Examine image files: damage, uniform colour, hashes and a thumbnail."""
from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Optional

import numpy as np
from tqdm import tqdm

from .._threads import in_order
from ..storage.files import sha256
from ..storage.pictures import (
    PictureError,
    UnknownFormatError,
    check_picture,
    format_name,
    open_picture,
    picture_header,
)
from ..storage.row_store import FeatureStore
from ..storage.shards import file_bytes, file_of

_SIDE = 16
# Images begun before the facts of the first are asked for: one that takes long
# leaves no thread idle.
_AHEAD = 1024
# Images between two writings of the cache: what a kill costs.
_BETWEEN_WRITES = 2048
#: Where facts are kept between two looks, unless another folder is named.
CACHE = Path('data/feature_cache')
_KEY = 'facts of images, format 1'
_ROW = np.dtype([('sha256', 'u1', 32), ('dhash', '<u8'),
                 ('size', '<u4', 2), ('thumbnail', 'u1', _SIDE * _SIDE * 3)])


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """Facts of one image file.

    Attributes:
        problem: Why it cannot be decoded in full; None if it can.
        sha256: Hash of the file's bytes.
        dhash: 64-bit difference hash: which of two neighbouring places is
            lighter, on an 8×9 grid.
        thumbnail: (16, 16, 3) uint8; None where ``problem`` says why.
        size: Width and height.
        one_colour: Whether no place differs visibly from another.
    """
    problem: Optional[str]
    sha256: str = ''
    dhash: int = 0
    thumbnail: Optional[np.ndarray] = None
    size: tuple[int, int] = (0, 0)
    one_colour: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        """Look at the colours once, not at each question."""
        object.__setattr__(self, 'one_colour', self.thumbnail is not None
                           and _is_one_colour(self.thumbnail))


def _is_one_colour(thumbnail: np.ndarray) -> bool:
    # The first and the middle place mostly tell, and bytes are read in a
    # tenth of the time that numbers of an array take.
    levels = thumbnail.tobytes()
    middle = len(levels) // 6 * 3
    if (abs(levels[0] - levels[middle]) > 3
            or abs(levels[1] - levels[middle + 1]) > 3
            or abs(levels[2] - levels[middle + 2]) > 3):
        return False
    return int(np.ptp(thumbnail.reshape(-1, 3), axis=0).max()) <= 3


def image_facts(paths: Iterable[str | Path], workers: int = 1,
                cache: Optional[str | Path] = None) -> dict[str, ImageFacts]:
    """Look at each image once.

    Args:
        paths: Image files.
        workers: Images that are looked at side by side, by threads.
        cache: Folder where the facts of sound images are kept for the next
            look, under path, size and times of the file; an image that is
            written anew is looked at anew. None: nowhere.

    Returns:
        Facts by path, as given.

    Raises:
        ValueError: ``workers`` is not positive.
        OSError: The cache cannot be written.
    """
    if workers < 1:
        raise ValueError(f'workers must be at least 1, got {workers}')
    names = sorted({str(path) for path in paths})
    if cache is None:
        return dict(zip(names, _looked_at(names, workers), strict=True))
    store = FeatureStore(cache, sha256(_KEY.encode()), dict(holds=_KEY))
    keys = {name: key for name in names if (key := _file_key(name))}
    facts = {name: _unpacked(store[key]) for name, key in keys.items()
             if key in store}
    rest = iter(_looked_at([name for name in names if name not in facts],
                           workers))
    missing = iter([name for name in names if name not in facts])
    while part := list(islice(missing, _BETWEEN_WRITES)):
        new = dict(zip(part, islice(rest, len(part)), strict=True))
        sound = [name for name, fact in new.items()
                 # Written to while it was looked at: not that file's facts.
                 if fact.problem is None and keys.get(name) == _file_key(name)]
        store.add([keys[name] for name in sound],
                  np.stack([_packed(new[name]) for name in sound])
                  if sound else np.zeros((0, _ROW.itemsize), np.uint8))
        facts |= new
    return {name: facts[name] for name in names}


def _looked_at(names: Sequence[str], workers: int) -> Iterator[ImageFacts]:
    """Yield the facts of each image, in order."""
    with tqdm(total=len(names), desc='images', unit='image',
              disable=None) as bar:
        for fact in in_order(_facts, map(Path, names), workers, _AHEAD):
            yield fact
            bar.update()


def _file_key(path: str) -> Optional[str]:
    """What tells a file's content without reading it; None: no such file."""
    try:
        status = os.stat(file_of(path))
    except OSError:
        return None
    return sha256(f'{os.path.abspath(path)} {status.st_size} '
                  f'{status.st_mtime_ns} {status.st_ctime_ns} '
                  f'{status.st_ino}'.encode('utf-8', 'surrogateescape'))[:32]


def _packed(fact: ImageFacts) -> np.ndarray:
    row = np.zeros((), _ROW)
    row['sha256'] = np.frombuffer(bytes.fromhex(fact.sha256), np.uint8)
    row['dhash'], row['size'] = fact.dhash, fact.size
    row['thumbnail'] = np.asarray(fact.thumbnail).ravel()
    return np.frombuffer(row.tobytes(), np.uint8)


def _unpacked(row: np.ndarray) -> ImageFacts:
    fields = np.frombuffer(row.tobytes(), _ROW)[0]
    return ImageFacts(
        None, fields['sha256'].tobytes().hex(), int(fields['dhash']),
        fields['thumbnail'].reshape(_SIDE, _SIDE, 3),
        (int(fields['size'][0]), int(fields['size'][1])))


def image_problem(path: str | Path) -> Optional[str]:
    """Return why a picture cannot be decoded in full, or None.

    Two decoders look at it: Pillow tells files that are cut off or huge,
    OpenCV is what reads pictures in training, and knows fewer formats.

    Args:
        path: The picture.
    """
    try:
        check_picture(path)
    except (OSError, PictureError) as error:
        return _problem(path, error)
    return _unread(path, np.frombuffer(file_bytes(path), np.uint8))


def _problem(path: str | Path, error: Exception) -> str:
    if isinstance(error, UnknownFormatError) and format_name(path):
        return _other_format(path)
    if isinstance(error, PictureError):
        return error.problem
    if isinstance(error, FileNotFoundError):
        return 'No such file'
    return getattr(error, 'strerror', None) or 'unreadable'


def _unread(path: str | Path, encoded: np.ndarray) -> Optional[str]:
    from ..datasets.image_transforms import is_decodable
    return None if is_decodable(encoded) else _other_format(path)


def _other_format(path: str | Path) -> str:
    return (f'OpenCV does not read this kind of {format_name(path)}: save it '
            'as PNG or JPEG')


def _facts(path: Path) -> ImageFacts:
    from PIL import Image
    try:
        raw = file_bytes(path)
    except (OSError, ValueError) as error:
        return ImageFacts(getattr(error, 'strerror', None) or str(error)
                          or 'unreadable')
    digest = sha256(raw)
    try:
        size = picture_header(path)[1]
        small = _opaque(open_picture(path, near=4 * _SIDE)).resize(
            (_SIDE, _SIDE), Image.Resampling.BOX)
    except (OSError, PictureError) as error:
        return ImageFacts(_problem(path, error), digest)
    if problem := _unread(path, np.frombuffer(raw, np.uint8)):
        return ImageFacts(problem, digest)
    grey = small.convert('L').resize((9, 8), Image.Resampling.BOX)
    pixels = np.asarray(grey, np.int16)
    bits = (pixels[:, 1:] > pixels[:, :-1]).ravel()
    dhash = int.from_bytes(np.packbits(bits).tobytes(), 'big')
    return ImageFacts(None, digest, dhash, np.asarray(small), size)


def _opaque(image):
    """Lay an image with transparency on white, as a viewer shows it."""
    from PIL import Image
    if image.mode in ('RGBA', 'LA') or 'transparency' in image.info:
        image = image.convert('RGBA')
        white = Image.new('RGBA', image.size, 'white')
        return Image.alpha_composite(white, image).convert('RGB')
    return image.convert('RGB')


def groups(keys: Sequence[str]) -> list[list[int]]:
    """Return the positions of each key that comes more than once."""
    positions: dict[str, list[int]] = defaultdict(list)
    for index, key in enumerate(keys):
        if key:
            positions[key].append(index)
    return [rows for rows in positions.values() if len(rows) > 1]
