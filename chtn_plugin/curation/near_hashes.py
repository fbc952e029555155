"""Find the pairs of 64-bit hashes that differ in few bits, in linear time."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    widths = [len(part) for part in np.array_split(_ORDER, bits + equal)]
    words = _spread(hashes)
    order = np.argsort(words)
    sorted_words = words[order]
    for chosen in combinations(range(len(widths)), equal):
        # The key leads: the words themselves are sorted, with no positions
        # beside them, and neighbours' keys are equal if what differs is low.
        rest = [block for block in range(len(widths)) if block not in chosen]
        turned = [*chosen, *rest]
        turned_widths = [widths[block] for block in turned]
        arranged = _rearranged(words, widths, turned)
        arranged.sort()
        before = _masks(turned_widths)[equal:equal + sum(
            block < chosen[-1] for block in rest)]
        close = list(_close(arranged, sum(turned_widths[:equal]), bits,
                            before))
        if close:
            one, other = (order[np.searchsorted(sorted_words, _rearranged(
                np.concatenate(side), turned_widths, np.argsort(turned)))]
                for side in zip(*close, strict=True))
            yield np.minimum(one, other), np.maximum(one, other)


def _equal_blocks(count: int, bits: int) -> int:
    """How many blocks make a key: as many bits as the count has, and more."""
    most = _WIDTH - bits
    needed = count.bit_length() - 2
    return next((equal for equal in range(1, min(4, most) + 1)
                 if _WIDTH * equal // (bits + equal) >= needed),
                min(4, most))


def _spread(hashes: np.ndarray) -> np.ndarray:
    """Put the bits into another order, in which neighbours lie far apart."""
    words = np.zeros_like(hashes)
    for place in _ORDER:
        words = (words << np.uint64(1)) | (
            (hashes >> np.uint64(place)) & np.uint64(1))
    return words


def _masks(widths: Sequence[int]) -> list[np.uint64]:
    """Masks of a word's blocks, which lie from its highest bit down."""
    ends = _WIDTH - np.cumsum(widths)
    return [np.uint64(((1 << width) - 1) << int(end))
            for width, end in zip(widths, ends, strict=True)]


def _rearranged(words: np.ndarray, widths: Sequence[int],
                order: Sequence[int] | np.ndarray) -> np.ndarray:
    """Put the blocks of words into another order.

    Args:
        words: (N,) uint64.
        widths: Bits of each block, from the highest down, 64 in all.
        order: Which block comes first, and so on.
    """
    masks = _masks(widths)
    ends = _WIDTH - np.cumsum(widths)
    # How far each block moves, and its mask; neighbours move together.
    runs: list[tuple[int, int]] = []
    at = _WIDTH
    for place, block in enumerate(order):
        at -= widths[block]
        move = at - int(ends[block])
        if place and block == order[place - 1] + 1:
            runs[-1] = (move, runs[-1][1] | int(masks[block]))
        else:
            runs.append((move, int(masks[block])))
    arranged = np.zeros_like(words)
    for start in range(0, len(words), _WINDOW):
        part = words[start:start + _WINDOW]
        to = arranged[start:start + _WINDOW]
        for move, mask in runs:
            field = part & np.uint64(mask)
            to |= (field << np.uint64(move) if move >= 0
                   else field >> np.uint64(-move))
    return arranged


def _close(words: np.ndarray, width: int, bits: int,
           before: Sequence[np.uint64]
           ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the pairs of words that have one key and differ in few bits.

    Args:
        words: (N,) uint64, sorted.
        width: Of the key, which is a word's highest bits.
        bits: Bits that may differ.
        before: Masks of blocks, none of which may be equal: of a pair's
            equal blocks the key is to hold the first, so that each pair
            comes once.
    """
    limit = np.uint64(1 << (_WIDTH - width))
    # A window at a time, so that its words stay in the processor's cache.
    for start in range(0, len(words) - 1, _WINDOW):
        window = words[start:start + _WINDOW + 1]
        differing = window[1:] ^ window[:-1]
        # Those that still have their key so many places further on.
        active, step = np.flatnonzero(differing < limit), 1
        differing, active = differing[active], active + start
        while len(active):
            close = np.flatnonzero(_popcount(differing) <= bits)
            for mask in before if len(close) else ():
                close = close[np.flatnonzero(differing[close] & mask)]
            if len(close):
                yield words[active[close]], words[active[close] + step]
            step += 1
            active = active[:np.searchsorted(active, len(words) - step)]
            differing = words[active] ^ words[active + step]
            kept = np.flatnonzero(differing < limit)
            active, differing = active[kept], differing[kept]


def _popcount(values: np.ndarray) -> np.ndarray:
    """Bits that are set; NumPy 1 has no function for it."""
    if hasattr(np, 'bitwise_count'):
        return np.bitwise_count(values)
    return _COUNTS[values.view(np.uint16).reshape(-1, 4)].sum(1)


_COUNTS = np.unpackbits(np.arange(1 << 16, dtype=np.uint16).view(
    np.uint8).reshape(-1, 2), axis=1).sum(1, dtype=np.uint8)
