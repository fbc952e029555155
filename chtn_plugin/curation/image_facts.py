"""Examine image files: damage, uniform colour and near duplicates."""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import numpy as np
from tqdm import tqdm

from ..storage.files import sha256
from ..storage.pictures import (
    PictureError,
    UnknownFormatError,
    check_picture,
    format_name,
    open_picture,
    picture_header,
)

_SIDE = 16
# Images compared with all others at a time, to bound the memory.
_CHUNK = 1024


@dataclass(frozen=True)
class ImageFacts:
    """Facts of one image file.

    Attributes:
        problem: Why it cannot be decoded in full; None if it can.
        sha256: Hash of the file's bytes.
        dhash: 64-bit difference hash: which of two neighbouring places is
            lighter, on an 8×9 grid.
        thumbnail: (16, 16, 3) uint8; None where ``problem`` says why.
        size: Width and height.
    """
    problem: Optional[str]
    sha256: str = ''
    dhash: int = 0
    thumbnail: Optional[np.ndarray] = None
    size: tuple[int, int] = (0, 0)

    @property
    def one_colour(self) -> bool:
        """Whether no place differs visibly from another."""
        return self.thumbnail is not None and int(
            np.ptp(self.thumbnail.reshape(-1, 3), axis=0).max()) <= 3


def image_facts(paths: Iterable[str | Path]) -> dict[str, ImageFacts]:
    """Look at each image once.

    Args:
        paths: Image files.

    Returns:
        Facts by path, as given.
    """
    return {str(path): _facts(Path(path)) for path in tqdm(
        sorted({str(path) for path in paths}), 'images', unit='image',
        disable=None)}


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
    return _unread(path, np.fromfile(path, np.uint8))


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
        raw = path.read_bytes()
    except OSError as error:
        return ImageFacts(error.strerror or 'unreadable')
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


def near_duplicates(facts: Mapping[str, ImageFacts], bits: int = 6,
                    correlation: float = 0.995) -> list[tuple[str, str]]:
    """Find images that look the same in different files.

    Two are near-duplicates if their thumbnails correlate *and* their
    difference hashes differ in few bits. A resized, recompressed or
    lightened photo correlates by 0.998 and more; different products on white
    by 0.98, which plain differences or the hash alone do not tell apart. A
    crop is not found. Costs a product of N×N numbers: a second for 10,000
    images.

    Args:
        facts: Facts by path; those with a problem or of one colour are left
            out.
        bits: Bits of 64 that may differ.
        correlation: Least correlation of the thumbnails' 768 numbers.

    Returns:
        Pairs of paths with different content, each sorted.
    """
    thumbnails = {path: fact.thumbnail for path, fact in facts.items()
                  if fact.thumbnail is not None and not fact.one_colour}
    usable = list(thumbnails)
    if not usable:
        return []
    rows = np.stack(list(thumbnails.values())).reshape(
        len(usable), -1).astype(np.float32)
    rows -= rows.mean(axis=1, keepdims=True)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    pairs = []
    for first in range(0, len(usable), _CHUNK):
        close = rows[first:first + _CHUNK] @ rows[first:].T >= correlation
        for row, column in zip(*np.nonzero(close), strict=True):
            one, other = usable[first + row], usable[first + column]
            if row < column and _alike(facts[one], facts[other], bits):
                pairs.append((min(one, other), max(one, other)))
    return sorted(pairs)


def _alike(one: ImageFacts, other: ImageFacts, bits: int) -> bool:
    return one.sha256 != other.sha256 and (
        (one.dhash ^ other.dhash).bit_count() <= bits)


def groups(keys: Sequence[str]) -> list[list[int]]:
    """Return the positions of each key that comes more than once."""
    positions: dict[str, list[int]] = defaultdict(list)
    for index, key in enumerate(keys):
        if key:
            positions[key].append(index)
    return [found for found in positions.values() if len(found) > 1]
