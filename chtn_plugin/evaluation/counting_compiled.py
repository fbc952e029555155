"""Rank relevant items by counting, in a compiled loop (numba).

To rank the relevant items of a query nothing has to be sorted but their own
scores: each other item only has to find how many of those it fails to beat.
A table over the range of the relevant scores answers that almost at once;
what it leaves open is settled by comparing scores, so counts are exact.
"""
from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

_BLOCK = 1024
_SEGMENT = 8192
_U = np.uint64


def _compile(function: Any) -> Any:
    try:
        return njit(function, nogil=True, cache=True)
    except RuntimeError:  # no folder to keep the compiled code in
        return njit(function, nogil=True)


@_compile
def _slot(score, lowest, scale, top):  # type: ignore[no-untyped-def]
    # Monotonic in the score, which suffices for exact counts.
    x = (score - lowest) * scale + np.float32(1)
    x = x if x > np.float32(0) else np.float32(0)
    x = x if x < top else top
    return np.int32(x)


@_compile
def _build(ranked, table):  # type: ignore[no-untyped-def]
    """Relevant scores below each slot; returns the slots' scale and top."""
    count, slots = len(ranked) - 1, len(table)
    width = ranked[count - 1] - ranked[0]
    scale = np.float32(0)
    if width > 0:
        scale = np.float32((slots - 2) / width)
        if not np.isfinite(scale):
            scale = np.float32(0)
    top = np.float32(slots - 1)
    for slot in range(slots):
        table[slot] = 0
    for i in range(count):
        table[_U(_slot(ranked[i], ranked[0], scale, top))] += np.uint16(1)
    total = 0
    for slot in range(slots):
        here = table[slot]
        table[slot] = np.uint16(total)
        total += here
    return scale, top


@_compile
def _count(items, ranked, table, scale, top, slots, beaten,
           equal):  # type: ignore[no-untyped-def]
    """Count, for each item, how many relevant scores lie below it.

    ``beaten[j]`` gains the items above exactly j relevant scores,
    ``equal[j]`` those of them that equal the next one.
    """
    lowest = ranked[0]
    for start in range(0, len(items), _BLOCK):
        stop = min(start + _BLOCK, len(items))
        # Slices and unsigned indices spare a check for negative ones, and
        # let the first loop be vectorised.
        block = items[start:stop]
        for i in range(len(block)):
            slots[i] = np.uint16(_slot(block[i], lowest, scale, top))
        for i in range(_U(len(block))):
            score = block[i]
            j = _U(table[_U(slots[i])])
            j += _U(ranked[j] < score)
            if ranked[j] <= score:
                while ranked[j] < score:
                    j += _U(1)
                if ranked[j] == score:
                    equal[j] += 1
            beaten[j] += 1


@_compile
def _finish(ranked, beaten, equal, before, size):  # type: ignore
    """Ranks of the relevant items, best first, from the counts."""
    count = len(ranked) - 1
    end, above = count, np.int64(0)
    while end > 0:
        first = end - 1
        while first > 0 and ranked[first - 1] == ranked[end - 1]:
            first -= 1
        above += beaten[end]
        for i in range(first, end):
            before[count - 1 - i] = above + count - end
            size[count - 1 - i] = end - first + equal[first]
        end = first


@_compile
def _part(row, lower, upper, ranked, table, slots, beaten,
          equal):  # type: ignore[no-untyped-def]
    """As :func:`_count` where relevant items are many: first by segment.

    A table over all of them would leave the fast memory; so items are
    first dealt out to segments of the relevant scores, whose tables stay
    in it.
    """
    count = len(ranked) - 1
    segments = (count + _SEGMENT - 1) // _SEGMENT
    # Segment s holds items above ranked[cuts[s]], its relevant scores too.
    edges = np.empty(segments, np.float32)
    for s in range(1, segments):
        edges[s - 1] = ranked[s * _SEGMENT - 1]
    edges[segments - 1] = np.inf
    coarse = np.zeros(segments, np.int64)
    same = np.zeros(segments, np.int64)
    which = np.empty(len(row), np.uint16)
    scale, top = np.float32(0), np.float32(len(table) - 1)
    if segments > 1:
        scale, top = _build(edges, table)
    lowest = edges[0]
    for i in range(_U(len(row))):
        score = row[i]
        j = _U(0)
        if segments > 1:
            j = _U(table[_U(_slot(score, lowest, scale, top))])
            while edges[j] < score:
                j += _U(1)
        which[i] = np.uint16(j)
    for i in range(lower):
        coarse[which[i]] += 1
    for i in range(upper, len(row)):
        coarse[which[i]] += 1
    place = np.empty(segments + 1, np.int64)
    place[0] = 0
    for s in range(segments):
        place[s + 1] = place[s] + coarse[s]
        same[s] = place[s]
    dealt = np.empty(place[segments], np.float32)
    for i in range(_U(lower)):
        to = _U(which[i])
        dealt[_U(same[to])] = row[i]
        same[to] += 1
    for i in range(_U(upper), _U(len(row))):
        to = _U(which[i])
        dealt[_U(same[to])] = row[i]
        same[to] += 1
    own = np.empty(_SEGMENT + 1, np.float32)
    for s in range(segments):
        first = s * _SEGMENT
        stop = min(first + _SEGMENT, count)
        here = own[:stop - first + 1]
        here[:stop - first] = ranked[first:stop]
        here[stop - first] = np.inf
        scale, top = _build(here, table)
        _count(dealt[place[s]:place[s + 1]], here, table, scale, top, slots,
               beaten[first:], equal[first:])


@_compile
def count_ranks(scores: np.ndarray, starts: np.ndarray, stops: np.ndarray,
                ranked: np.ndarray, offsets: np.ndarray, before: np.ndarray,
                size: np.ndarray) -> None:
    """Rank the relevant items of each row.

    Args:
        scores: Scores of B queries, float32, (B, G).
        starts: Relevant are the columns from here, (B,),
        stops: to here, (B,).
        ranked: Scores of the relevant items of all queries, ascending
            within a query; items taken out (minus infinity) are not in it.
        offsets: Where each query's part of ``ranked`` begins, (B + 1,).
        before: Receives the items above each relevant item, best first.
        size: Receives the items with its score.
    """
    slots = np.empty(_BLOCK, np.uint16)
    table = np.empty(2**15, np.uint16)
    for q in range(len(scores)):
        first, last = offsets[q], offsets[q + 1]
        count = last - first
        if count == 0:
            continue
        own = np.empty(count + 1, np.float32)
        own[:count] = ranked[first:last]
        own[count] = np.inf
        beaten = np.zeros(count + 1, np.int32)
        equal = np.zeros(count + 1, np.int32)
        row = scores[q]
        if count <= 2 * _SEGMENT:
            width = 512
            while width < 4 * count and width < len(table):
                width *= 2
            small = table[:width]
            scale, top = _build(own, small)
            _count(row[:starts[q]], own, small, scale, top, slots, beaten,
                   equal)
            _count(row[stops[q]:], own, small, scale, top, slots, beaten,
                   equal)
        else:
            _part(row, starts[q], stops[q], own, table, slots, beaten,
                  equal)
        _finish(own, beaten, equal, before[first:last], size[first:last])
