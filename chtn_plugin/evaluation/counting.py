"""Rank relevant items by counting, without sorting the gallery.

Three ways, equal to the last digit: a compiled counter (numba, optional), and
without it slots or sorted rows in numpy, whichever a trial finds faster.
"""
from __future__ import annotations

import time
import warnings
from functools import lru_cache
from typing import Any, Optional

import numpy as np

# Pairs below which importing the compiled counter costs more than it saves.
_WORTH_COMPILING = 5 * 10**7
_ROWS_AT_ONCE_ITEMS = 2**16
_MOST_SLOTS = 2**20
# Below this length sorting a row is faster than laying out slots.
_FEW_COLUMNS = 2048


def count_tile(scores: np.ndarray, starts: np.ndarray, stops: np.ndarray,
               compiled: bool = False
               ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Count the ranks of each row's relevant items.

    Args:
        scores: Finite scores, or minus infinity for an item taken out,
            float32, (B, G).
        starts: Relevant are the columns from here, (B,),
        stops: to here, (B,).
        compiled: Use the compiled counter.

    Returns:
        Items above each relevant item, best first within a row, (P,); items
        with its score, itself included, (P,); and where each row begins,
        (B + 1,).
    """
    lengths = stops - starts
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    ranked = np.empty(offsets[-1], dtype=np.float32)
    for row, start, stop, first, last in zip(
            scores, starts.tolist(), stops.tolist(), offsets[:-1].tolist(),
            offsets[1:].tolist(), strict=True):
        own = ranked[first:last]
        own[:] = row[start:stop]
        own.sort()
    absent = ranked == -np.inf
    if absent.any():
        ranked = ranked[~absent]
        gone = np.concatenate([[0], np.cumsum(absent)])
        offsets = offsets - gone[offsets]
    before = np.empty(offsets[-1], dtype=np.int64)
    size = np.empty_like(before)
    if compiled:
        _compiled_counter()(scores, starts, stops, ranked, offsets, before,
                            size)
        return before, size, offsets
    size[:] = 1
    rows = max(1, _ROWS_AT_ONCE_ITEMS // scores.shape[1])
    counters = [_sort_rows, _count_rows]
    taken = [0., 0.]
    for block, first in enumerate(range(0, len(scores), rows)):
        last = min(first + rows, len(scores))
        parts = [slice(offsets[q], offsets[q + 1])
                 for q in range(first, last)]
        # Which is faster depends on processor, gallery and classes; both
        # give the same, so the first blocks try both and the rest follow.
        which = (0 if scores.shape[1] <= _FEW_COLUMNS else
                 block if block < 2 else int(taken[1] < taken[0]))
        start = time.thread_time()
        counters[which](
            scores[first:last], [ranked[at][::-1] for at in parts],
            [before[at] for at in parts], [size[at] for at in parts])
        if block < 2:
            taken[which] += (time.thread_time() - start) / (last - first)
    return before, size, offsets


def _sort_rows(scores: np.ndarray, relevant: list[np.ndarray],
               before: list[np.ndarray], size: list[np.ndarray]) -> None:
    """As :func:`_count_rows`, by sorting whole rows."""
    ranked = np.sort(scores, axis=1)
    tied = (ranked[:, 1:] == ranked[:, :-1]).any(1).tolist()
    for row, items in enumerate(relevant):
        high = ranked[row].searchsorted(items, 'right')
        np.subtract(scores.shape[1], high, out=before[row])
        if tied[row]:
            np.subtract(high, ranked[row].searchsorted(items),
                        out=size[row])


def _count_rows(scores: np.ndarray, relevant: list[np.ndarray],
                before: list[np.ndarray], size: list[np.ndarray]) -> None:
    """Count for a few rows.

    Scores fall into slots of equal width. An item is above all relevant
    items of lower slots; only within slots that hold a relevant item scores
    are compared.

    Args:
        scores: (B, G).
        wanted: Scores of each row's relevant items, best first.
        before: Receives the items above each.
        size: Receives the items equal to each where there are several.
    """
    rows = len(scores)
    slots = 2048
    while slots < min(16 * max(map(len, relevant)), _MOST_SLOTS):
        slots *= 2
    lowest, scale = _range(scores, slots)
    at = scores - lowest[:, None]
    at *= scale[:, None]
    # An item taken out joins the lowest slot, where it is below all.
    np.maximum(at, 0, out=at)
    # An item's slot never falls as its score grows: so counts are exact.
    slot = at.astype(np.intp)
    slot += (np.arange(rows) * slots)[:, None]
    count = np.bincount(slot.ravel(), minlength=rows * slots)
    count = count.reshape(rows, slots)
    holds = np.zeros((rows, slots), dtype=bool)
    own = [((items - low) * step).astype(np.intp)
           for items, low, step in zip(relevant, lowest, scale, strict=True)]
    for mark, counted, index in zip(holds, count, own, strict=True):
        mark[index] = True
        counted[index] = 0
    near_at = np.flatnonzero(np.take(holds, slot, mode='clip'))
    near = scores.ravel().take(near_at)
    bounds = near_at.searchsorted(
        np.arange(rows + 1) * scores.shape[1]).tolist()
    upto = np.cumsum(count, axis=1)
    total = upto[:, -1].tolist()
    for row in range(rows):
        ours = near[bounds[row]:bounds[row + 1]]
        ours.sort()
        high = ours.searchsorted(relevant[row])
        if (ours[1:] == ours[:-1]).any():
            low, high = high, ours.searchsorted(relevant[row], 'right')
            np.subtract(high, low, out=size[row])
        else:
            high += 1
        high += upto[row].take(own[row])
        np.subtract(total[row] + len(ours), high, out=before[row])


def _range(scores: np.ndarray, slots: int) -> tuple[np.ndarray, np.ndarray]:
    """Lowest finite score and slots per unit of score of each row."""
    lowest = scores.min(1)
    if np.isinf(lowest).any():
        lowest = np.where(scores > -np.inf, scores,
                          scores.max(1, keepdims=True)).min(1)
    with np.errstate(divide='ignore', over='ignore', invalid='ignore'):
        width = scores.max(1) - lowest
        scale = np.float32(slots - 1) / width
    # Not 0: minus infinity times 0 would be no number.
    scale[~np.isfinite(scale)] = np.finfo(np.float32).tiny
    return lowest, scale


def use_compiled(wish: Optional[bool], pairs: int) -> bool:
    """Whether to use the compiled counter.

    Args:
        wish: What the caller asked for. None: decide here.
        pairs: Queries times gallery items.

    Raises:
        ImportError: Asked for, but numba is not installed.
    """
    if wish is None:
        if pairs < _WORTH_COMPILING:
            return False
        try:
            return bool(_compiled_counter())
        except ImportError:
            return False
    if wish:
        try:
            _compiled_counter()
        except ImportError as error:
            raise ImportError('compiled=True needs numba: pip install '
                              f'chtn-plugin[fast] ({error})') from error
    return wish


@lru_cache(maxsize=1)
def _compiled_counter() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        from .counting_compiled import count_ranks
    return count_ranks
