"""Examine image files: damage, uniform colour and near duplicates."""
from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, product
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
from .near_hashes import near_hash_pairs

_SIDE = 16
# Thumbnails compared at a time, to bound the memory.
_CHUNK = 1024
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
        for fact in in_order(_facts, map(Path, names), workers, _CHUNK):
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


def near_duplicates(facts: Mapping[str, ImageFacts], bits: int = 6,
                    correlation: float = 0.995, workers: int = 1
                    ) -> list[tuple[str, str]]:
    """Find images that look the same in different files.

    Two are near-duplicates if their thumbnails correlate *and* their
    difference hashes differ in few bits. A resized, recompressed or
    lightened photo correlates by 0.998 and more; different products on white
    by 0.98, which plain differences or the hash alone do not tell apart. A
    crop is not found. The hashes choose which thumbnails are compared.

    Args:
        facts: Facts by path; those with a problem or of one colour are left
            out.
        bits: Bits of 64 that may differ.
        correlation: Least correlation of the thumbnails' 768 numbers.
        workers: Threads that search among the hashes. Two take a quarter of
            the time from a million pictures, and nothing from 10⁵; each
            holds the hashes once more.

    Returns:
        Pairs of paths with different content, each sorted.

    Raises:
        ValueError: ``workers`` is not positive, or ``bits`` is out of
            [0, 16].
    """
    if workers < 1:
        raise ValueError(f'workers must be at least 1, got {workers}')
    # Of a million pictures nearly all are unlike: each is looked at once, and
    # none has a list or an entry of a dictionary.
    paths, usable, hash_list = [], [], []
    for path, fact in facts.items():
        if fact.thumbnail is not None and not fact.one_colour:
            paths.append(path)
            usable.append(fact)
            hash_list.append(fact.dhash)
    hashes = np.array(hash_list, np.uint64)
    order = np.argsort(hashes)
    copies = _copies(usable, order, hashes[order])
    first = np.ones(len(usable), bool)
    first[[row for rows in copies.values() for row in rows]] = False
    order = order[first[order]]
    pairs = []
    for one, other in _alike(usable, order, hashes[order], bits, correlation,
                             workers):
        if usable[one].sha256 == usable[other].sha256:
            continue  # looked at by two versions of Pillow
        if one in copies or other in copies:
            pairs += [(min(pair), max(pair)) for pair in product(*(
                [paths[row], *(paths[copy] for copy in copies.get(row, ()))]
                for row in (one, other)))]
        else:
            left, right = paths[one], paths[other]
            pairs.append((left, right) if left < right else (right, left))
    return sorted(pairs)


def _copies(facts: Sequence[ImageFacts], order: np.ndarray,
            hashes: np.ndarray) -> dict[int, list[int]]:
    """Rows of the same content as an earlier row, by that row.

    Args:
        facts: (N,) Facts.
        order: (N,) Rows by their difference hashes.
        hashes: (N,) Those hashes, sorted; equal contents have equal ones.
    """
    same = np.flatnonzero(hashes[1:] == hashes[:-1])
    first_of: dict[str, int] = {}
    copies: dict[int, list[int]] = defaultdict(list)
    for row in np.unique(order[np.concatenate([same, same + 1])]).tolist():
        first = first_of.setdefault(facts[row].sha256, row)
        if first != row:
            copies[first].append(row)
    return copies


def _alike(facts: Sequence[ImageFacts], order: np.ndarray,
           hashes: np.ndarray, bits: int, correlation: float, workers: int
           ) -> Iterator[tuple[int, int]]:
    """Yield the rows of the pairs of different contents that look the same.

    Args:
        facts: (N,) Facts.
        order: (M,) One row of each content, by their difference hashes.
        hashes: (M,) Those hashes, sorted.
        bits: As for :func:`near_duplicates`.
        correlation: As for :func:`near_duplicates`.
        workers: As for :func:`near_duplicates`.
    """
    new = np.ones(len(hashes), bool)
    new[1:] = hashes[1:] != hashes[:-1]
    starts = np.flatnonzero(new)
    different, counts = hashes[starts], np.diff(np.append(starts, len(order)))

    def members(place: int) -> list[int]:
        start = starts[place]
        return order[start:start + counts[place]].tolist()

    for place in np.flatnonzero(counts > 1).tolist():
        own = members(place)
        yield from _correlated(facts, own, own, correlation)
    for firsts, seconds in near_hash_pairs(different, bits, workers):
        several = (counts[firsts] > 1) | (counts[seconds] > 1)
        for one, other in zip(firsts[several].tolist(),
                              seconds[several].tolist(), strict=True):
            yield from _correlated(facts, members(one), members(other),
                                   correlation)
        left = order[starts[firsts[~several]]]
        right = order[starts[seconds[~several]]]
        # As they lie in memory, one after another.
        by_row = np.argsort(left)
        left, right = left[by_row].tolist(), right[by_row].tolist()
        for begin in range(0, len(left), _CHUNK):
            ones = left[begin:begin + _CHUNK]
            others = right[begin:begin + _CHUNK]
            close = np.einsum('ij,ij->i', _standardized(facts, ones),
                              _standardized(facts, others))
            yield from ((ones[pair], others[pair]) for pair in
                        np.flatnonzero(close >= correlation).tolist())


def _correlated(facts: Sequence[ImageFacts], left: Sequence[int],
                right: Sequence[int], correlation: float
                ) -> Iterator[tuple[int, int]]:
    """Compare each with each; within one sequence every pair once."""
    for start in range(0, len(left), _CHUNK):
        rows = _standardized(facts, left[start:start + _CHUNK])
        for first in range(start if left is right else 0, len(right), _CHUNK):
            columns = _standardized(facts, right[first:first + _CHUNK])
            close = np.nonzero(rows @ columns.T >= correlation)
            for row, column in zip(*close, strict=True):
                if left is not right or start + row < first + column:
                    yield left[start + row], right[first + column]


def _standardized(facts: Sequence[ImageFacts], rows: Sequence[int]
                  ) -> np.ndarray:
    """Thumbnails of mean 0 and length 1, (len(rows), 768) float32."""
    levels = np.concatenate([np.asarray(facts[row].thumbnail)
                             for row in rows])
    standardized = levels.reshape(len(rows), -1).astype(np.float32)
    standardized -= standardized.mean(axis=1, keepdims=True)
    standardized /= np.linalg.norm(standardized, axis=1, keepdims=True)
    return standardized


def groups(keys: Sequence[str]) -> list[list[int]]:
    """Return the positions of each key that comes more than once."""
    positions: dict[str, list[int]] = defaultdict(list)
    for index, key in enumerate(keys):
        if key:
            positions[key].append(index)
    return [rows for rows in positions.values() if len(rows) > 1]
