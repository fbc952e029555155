"""Find pictures that look the same, of millions."""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import product

import numpy as np

from .image_facts import ImageFacts
from .near_hashes import near_hash_pairs

# Thumbnails compared at a time, to bound the memory.
_CHUNK = 1024


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
        workers: Threads that search among the hashes. Two save a quarter of
            the time at a million pictures and nothing at 10⁵; each holds
            the hashes once more.

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
