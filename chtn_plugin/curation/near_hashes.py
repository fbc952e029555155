"""Find the pairs of 64-bit hashes that differ in few bits, in linear time."""
from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np

_WIDTH = 64
# Neighbouring places of a picture agree: their bits go to different blocks.
_ORDER = np.random.default_rng(0).permutation(_WIDTH)
_WINDOW = 1 << 16


def near_hash_pairs(hashes: np.ndarray, bits: int
                    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    r"""Yield the pairs of hashes that differ in at most so many bits.

    The bits are parted into ``bits + k`` blocks. Of a pair that differs in at
    most ``bits`` of them at least k blocks are equal, so that each choice of
    k blocks is a key under which its pairs meet (multi-index hashing,
    https://arxiv.org/abs/1307.2982). Every meeting is then tested exactly. k
    is such that few others meet: time and memory grow as the number of hashes
    and of pairs found, where the hashes are spread.

    Args:
        hashes: (N,) uint64, all different.
        bits: Bits that may differ, in [0, 16].

    Yields:
        Positions of the first and the second of each pair, as arrays of
        equal length; each pair once, the first position below the second.

    Raises:
        ValueError: ``bits`` is out of its range.
    """
    if not 0 <= bits <= 16:
        raise ValueError(f'bits must lie in [0, 16], got {bits}')
    count = len(hashes)
    if count < 2:
        return
    equal = _equal_blocks(count, bits)
    blocks = np.array_split(_ORDER, bits + equal)
    values = [_extract(hashes, places) for places in blocks]
    masks = [np.uint64(sum(1 << int(place) for place in places))
             for places in blocks]
    for chosen in combinations(range(len(blocks)), equal):
        key = values[chosen[0]]
        for block in chosen[1:]:
            key = (key << np.uint64(len(blocks[block]))) | values[block]
        width = sum(len(blocks[block]) for block in chosen)
        order, key = _sorted_keys(key, width)
        placed = hashes[order]
        for first, step in _meetings(key):
            differing = placed[first] ^ placed[first + step]
            close = _popcount(differing) <= bits
            close[close] = _first_choice(differing[close], masks, chosen)
            if close.any():
                one, other = order[first[close]], order[first[close] + step]
                yield np.minimum(one, other), np.maximum(one, other)


def _equal_blocks(count: int, bits: int) -> int:
    """How many blocks make a key: as many bits as the count has, and more."""
    most = _WIDTH - bits
    needed = count.bit_length() - 2
    return next((equal for equal in range(1, min(4, most) + 1)
                 if _WIDTH * equal // (bits + equal) >= needed),
                min(4, most))


def _extract(hashes: np.ndarray, places: np.ndarray) -> np.ndarray:
    bands = np.zeros_like(hashes)
    for place in places:
        bands = (bands << np.uint64(1)) | (
            (hashes >> np.uint64(place)) & np.uint64(1))
    return bands


def _meetings(key: np.ndarray) -> Iterator[tuple[np.ndarray, int]]:
    """Yield the pairs of places with equal keys, in chunks.

    Args:
        key: (N,) uint64, sorted.

    Yields:
        Places, and how many further on the other of each pair is.
    """
    # A window at a time, so that its keys stay in the processor's cache.
    for start in range(0, len(key) - 1, _WINDOW):
        window = key[start:start + _WINDOW + 1]
        # Those that still have an equal one so many places further on.
        active, step = start + np.flatnonzero(window[1:] == window[:-1]), 1
        while len(active):
            yield active, step
            step += 1
            active = active[:np.searchsorted(active, len(key) - step)]
            active = active[key[active] == key[active + step]]


def _sorted_keys(key: np.ndarray, width: int
                 ) -> tuple[np.ndarray, np.ndarray]:
    """Positions in the order of their keys, and the keys in that order.

    Where a key and its position fit into one number, those are sorted: half
    the time of an order by keys elsewhere, and no jumps through memory.
    """
    count = len(key)
    shift = np.uint64(count.bit_length())
    if width + count.bit_length() > _WIDTH:
        order = np.argsort(key, kind='stable')
        return order, key[order]
    packed = (key << shift) | np.arange(count, dtype=np.uint64)
    packed.sort()
    order = (packed & np.uint64((1 << count.bit_length()) - 1)).view(np.int64)
    packed >>= shift
    return order, packed


def _first_choice(differing: np.ndarray, masks: list[np.uint64],
                  chosen: tuple[int, ...]) -> np.ndarray:
    """Whether these blocks are the first equal ones: each pair comes once."""
    first = np.ones(len(differing), bool)
    for block in range(chosen[-1]):
        if block not in chosen:
            first &= (differing & masks[block]) != 0
    return first


def _popcount(values: np.ndarray) -> np.ndarray:
    """Bits that are set; NumPy 1 has no function for it."""
    if hasattr(np, 'bitwise_count'):
        return np.bitwise_count(values)
    return _COUNTS[values.view(np.uint16).reshape(-1, 4)].sum(1)


_COUNTS = np.unpackbits(np.arange(1 << 16, dtype=np.uint16).view(
    np.uint8).reshape(-1, 2), axis=1).sum(1, dtype=np.uint8)
