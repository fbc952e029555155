"""Find the pairs of 64-bit hashes that differ in few bits."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from math import comb
from typing import Optional

import numpy as np

from .._threads import in_order

_WIDTH = 64
# Neighbouring places of a picture agree: their bits go to different blocks.
_ORDER = np.random.default_rng(0).permutation(_WIDTH)
# Words that are gone through at once: few calls, and in the processor's cache.
_WINDOW = 1 << 16


def near_hash_pairs(hashes: np.ndarray, bits: int, workers: int = 1
                    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the pairs of hashes that differ in at most so many bits.

    The bits are parted into blocks, and the blocks into one or two parts.
    Of a pair that differs in at most ``bits`` bits so many blocks are equal
    that k of them lie in one part: each choice of k blocks of a part is a key
    under which its pairs meet. Every meeting is then tested exactly. This is
    multi-index hashing (https://arxiv.org/abs/1307.2982); two parts need
    fewer keys for shorter ones, 50 of 20 bits at a million hashes, where all
    choices of three of nine blocks are 84 of 21. k is such that few others
    meet: up to a million hashes, where they are spread, the time grows little
    faster than their number, beyond with the number of keys, too (210 at
    10⁸); memory grows with the hashes and the pairs found.

    Args:
        hashes: (N,) uint64, all different.
        bits: Bits that may differ, in [0, 16].
        workers: Keys that are gone through side by side, by threads, each
            with a copy of the hashes and the pairs of its key.

    Yields:
        Positions of the first and the second of each pair, as arrays of
        equal length; each pair once, the first position below the second.

    Raises:
        ValueError: ``bits`` is out of its range, or ``workers`` is not
            positive.
    """
    if not 0 <= bits <= 16:
        raise ValueError(f'bits must lie in [0, 16], got {bits}')
    if workers < 1:
        raise ValueError(f'workers must be at least 1, got {workers}')
    if len(hashes) < 2:
        return
    parts, equal = _cheapest(len(hashes), bits)
    keys = _keys(parts, equal, bits)
    widths = [len(block) for block in np.array_split(
        _ORDER, _block_count(parts, equal, bits))]
    words = _spread(hashes)
    order = np.argsort(words)
    sorted_words = words[order]

    def found(number: int) -> Optional[tuple[np.ndarray, np.ndarray]]:
        # The key leads: the words themselves are sorted, with no positions
        # beside them, and neighbours' keys are equal if what differs is low.
        key = keys[number]
        turned = [*key, *(block for block in range(len(widths))
                          if block not in key)]
        turned_widths = [widths[block] for block in turned]
        arranged = _rearranged(words, widths, turned)
        arranged.sort()
        mask_of = dict(zip(turned, _masks(turned_widths), strict=True))
        close = list(_close(
            arranged, sum(widths[block] for block in key), bits,
            [np.uint64(sum(int(mask_of[block]) for block in earlier))
             for earlier in keys[:number]]))
        if not close:
            return None
        one, other = (order[np.searchsorted(sorted_words, _rearranged(
            np.concatenate(side), turned_widths, np.argsort(turned)))]
            for side in zip(*close, strict=True))
        return np.minimum(one, other), np.maximum(one, other)

    for pairs in in_order(found, range(len(keys)), workers):
        if pairs is not None:
            yield pairs


def _block_count(parts: int, equal: int, bits: int) -> int:
    """So many that, if ``bits`` of them differ, a part has enough equal."""
    return bits + parts * (equal - 1) + 1


def _keys(parts: int, equal: int, bits: int) -> list[tuple[int, ...]]:
    """The choices of so many blocks of one part."""
    blocks = np.arange(_block_count(parts, equal, bits))
    return [key for part in np.array_split(blocks, parts)
            for key in combinations(part.tolist(), equal)]


def _cheapest(count: int, bits: int) -> tuple[int, int]:
    """In how many parts, and of how many blocks, keys cost least.

    A hash is sorted under each key, and compared with those that it meets
    there; to sort takes about four times as long as to compare.
    """
    def cost(design: tuple[int, int]) -> float:
        parts, equal = design
        blocks = _block_count(parts, equal, bits)
        keys = sum(comb((blocks + part) // parts, equal)
                   for part in range(parts))
        return keys * (4 + count / 2 ** (_WIDTH * equal / blocks))

    return min(((parts, equal) for parts in (1, 2)
                for equal in range(1, _WIDTH)
                if _block_count(parts, equal, bits) <= _WIDTH), key=cost)


def _spread(hashes: np.ndarray) -> np.ndarray:
    """Put the bits into another order, in which neighbours lie far apart."""
    words = np.zeros_like(hashes)
    for start in range(0, len(words), _WINDOW):
        part = hashes[start:start + _WINDOW]
        to = words[start:start + _WINDOW]
        for place in _ORDER:
            bit = part >> np.uint64(place)
            bit &= np.uint64(1)
            to <<= np.uint64(1)
            to |= bit
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
    arranged = np.empty_like(words)
    for start in range(0, len(words), _WINDOW):
        part = words[start:start + _WINDOW]
        to = arranged[start:start + _WINDOW]
        field = to
        for move, mask in runs:
            np.bitwise_and(part, np.uint64(mask), out=field)
            if move >= 0:
                field <<= np.uint64(move)
            else:
                field >>= np.uint64(-move)
            if field is to:
                field = np.empty_like(part)
            else:
                to |= field
    return arranged


def _close(words: np.ndarray, width: int, bits: int,
           earlier: Sequence[np.uint64]
           ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the pairs of words that have one key and differ in few bits.

    Args:
        words: (N,) uint64, sorted.
        width: Of the key, which is a word's highest bits.
        bits: Bits that may differ.
        earlier: Masks of the keys before this one, none of which may be
            equal, so that each pair comes once.
    """
    limit = np.uint64(1 << (_WIDTH - width))
    # Each with the one so many places further on; now and then those without
    # one of their key there are left out, when they are many.
    step = leave_out_at = 1
    while len(words) > step:
        pairs = len(words) - step
        one_key = np.empty(pairs if step == leave_out_at else 0, bool)
        for start in range(0, pairs, _WINDOW):
            stop = min(start + _WINDOW, pairs)
            first, second = words[start:stop], words[start + step:stop + step]
            differing = first ^ second
            if step == leave_out_at:
                np.less(differing, limit, out=one_key[start:stop])
            close = np.flatnonzero(_popcount(differing) <= bits)
            close = close[differing[close] < limit]
            for mask in earlier if len(close) else ():
                close = close[differing[close] & mask != 0]
            if len(close):
                yield first[close], second[close]
        if step == leave_out_at:
            kept = _covered(one_key, step)
            if np.count_nonzero(kept) < .75 * len(kept):
                words = words[kept]
            leave_out_at += (step + 1) // 2
        step += 1


def _covered(same: np.ndarray, step: int) -> np.ndarray:
    """Which of N words lie between two of one key, the two among them.

    Args:
        same: (N - step,) Whether a word and that so many places further on
            have one key.
        step: Places.
    """
    covered = np.zeros(len(same) + step, bool)
    covered[:len(same)] = same
    reach = 1
    while reach <= step:
        further = min(reach, step + 1 - reach)
        covered[further:] |= covered[:-further].copy()
        reach += further
    return covered


def _popcount(values: np.ndarray) -> np.ndarray:
    """Bits that are set; NumPy 1 has no function for it."""
    if hasattr(np, 'bitwise_count'):
        return np.bitwise_count(values)
    return _COUNTS[values.view(np.uint16).reshape(-1, 4)].sum(1)


_COUNTS = np.unpackbits(np.arange(1 << 16, dtype=np.uint16).view(
    np.uint8).reshape(-1, 2), axis=1).sum(1, dtype=np.uint8)
