"""Find the nearest items of a gallery exactly, by cosine or dot product."""
from __future__ import annotations

import threading
import time
from typing import Optional

import numpy as np
import torch

from chtn_plugin.storage.finite import nonfinite_rows

_GROUP = 64
_QUERIES = 512
_COLUMNS = 2**12
_MOST_CANDIDATES = 2**21
_MOST_NUMBERS = 2**21
_HELD = threading.local()
# Lengths whose squares float32 holds with all their digits.
_SHORT, _LONG = 1e-15, 1e18


def unit_rows(rows: np.ndarray) -> np.ndarray:
    """Scale rows to length 1 as float32, (N, D); rows of zeros stay so."""
    rows = np.asarray(rows)
    with np.errstate(over='ignore', under='ignore', invalid='ignore'):
        single = np.asarray(rows, np.float32)
        length = np.linalg.norm(single, axis=-1, keepdims=True)
        unit = single / np.maximum(length, np.finfo(np.float32).tiny)
    odd = ~((length[..., 0] > _SHORT) & (length[..., 0] < _LONG))
    if odd.any():
        unit[odd] = unit_rows_of_any_length(rows[odd])
    return unit


def unit_rows_of_any_length(rows: np.ndarray) -> np.ndarray:
    """Scale rows to length 1 as float64, (N, D), where squares overflow.

    First each row is scaled by a power of two, which loses no digit.
    """
    rows = np.asarray(rows, np.float64)
    largest = np.abs(rows).max(-1, keepdims=True, initial=0)
    scaled = np.ldexp(rows, -np.frexp(largest)[1])
    length = np.linalg.norm(scaled, axis=-1, keepdims=True)
    return scaled / np.where(length > 0, length, 1)


def comparable_rows(rows: np.ndarray, similarity: str) -> np.ndarray:
    """Make rows whose dot products are the similarity, (N, D) float32.

    Args:
        rows: Representations, (N, D).
        similarity: ``'cosine'``: rows are scaled to length 1. ``'dot'``:
            they stay as they are.
    """
    if similarity == 'cosine':
        return unit_rows(rows)
    with np.errstate(over='ignore'):  # a gallery refuses what is not finite
        return np.asarray(rows, np.float32)


def longest_row(rows: np.ndarray) -> float:
    """Return the length of the longest row of (N, D); 0 without rows."""
    most = 0.
    step = max(1, _MOST_NUMBERS // max(1, rows.shape[1]))
    for start in range(0, len(rows), step):
        part = rows[start:start + step].astype(np.float64)
        squares = np.einsum('nd,nd->n', part, part)
        most = float(np.maximum(most, squares.max()))  # NaN stays
    return most**.5


def nearest(queries: np.ndarray, gallery: np.ndarray, topk: int,
            longest: Optional[float] = None
            ) -> tuple[np.ndarray, np.ndarray]:
    """Find the ``topk`` best items of each query by dot product, best first.

    A product in float32 chooses what is looked at, wide enough for its
    rounding; what is left is scored in float64, each row by itself. So equal
    rows have equal scores wherever they stand, and equal scores stand in
    gallery order. K is ``topk``, or G where the gallery is smaller. Several
    queries are searched together, a block of the gallery at a time.

    Args:
        queries: Rows, (Q, D) float32; of length 1 for cosine.
        gallery: Rows, (G, D) float32; one query is answered faster in
            Fortran's order.
        topk: How many.
        longest: Length of the longest gallery row, on which the rounding
            depends. None: looked for, in a pass over the gallery.

    Returns:
        Scores (Q, K) and positions in the gallery (Q, K).

    Raises:
        ValueError: ``topk`` is below 1, the sizes differ, a row is not
            finite, or products leave the range of float32.
    """
    if topk < 1:
        raise ValueError(f'topk must be at least 1, got {topk}')
    if queries.ndim != 2 or queries.shape[1:] != gallery.shape[1:]:
        raise ValueError('queries (Q, D) and gallery (G, D) must share the '
                         f'size D, got {queries.shape} and {gallery.shape}')
    count = min(topk, len(gallery))
    scores = np.empty((len(queries), count), np.float32)
    places = np.empty((len(queries), count), np.int64)
    if not count or not len(queries):
        return scores, places
    _check_finite(queries, 'query')
    if longest is None:
        longest = longest_row(gallery)
        if not np.isfinite(longest):
            _check_finite(gallery, 'gallery')
    lengths = np.linalg.norm(queries.astype(np.float64), axis=1)
    if lengths.max() * longest > np.finfo(np.float32).max:
        raise ValueError('products of rows must fit float32, some overflow: '
                         'scale the vectors down')
    # Twice the error of a product in float32 of rows of these lengths.
    slack = ((queries.shape[1] + 2) * float(np.finfo(np.float32).eps)
             * lengths * longest)
    if len(queries) == 1:
        scores[0], places[0] = _best(gallery, queries[0], count,
                                     float(slack[0]))
        return scores, places
    for start in range(0, len(queries), _QUERIES):
        part = slice(start, start + _QUERIES)
        scores[part], places[part] = _best_of_block(
            gallery, queries[part], count, slack[part])
    return scores, places


def _check_finite(rows: np.ndarray, name: str) -> None:
    # To find which rows are broken takes ten calls, of which one query's
    # answer would notice.
    if np.isfinite(rows).all():
        return
    broken = nonfinite_rows(rows)
    if len(broken):
        raise ValueError(f'{name} vectors must be finite, row {broken[0]} '
                         'holds NaN or infinity')


def _best(gallery: np.ndarray, query: np.ndarray, count: int,
          slack: float) -> tuple[np.ndarray, np.ndarray]:
    """The ``count`` largest and where they stand, ties in order."""
    kept = _candidates(_product(gallery, query), count, slack)
    scores = _exact_scores(gallery, kept, query[None], np.zeros_like(kept))
    order = np.argsort(-scores, kind='stable')[:count]
    return scores[order], kept[order]


def _product(gallery: np.ndarray, query: np.ndarray) -> np.ndarray:
    """Scores of all items, (G,), good until this thread's next call.

    The memory is kept: fresh pages cost more than the product of few numbers.
    """
    if gallery.dtype != np.float32 or query.dtype != np.float32:
        return gallery @ query
    held = getattr(_HELD, 'scores', None)
    if held is None or len(held) < len(gallery):
        held = np.empty(len(gallery), np.float32)
        if len(gallery) <= _MOST_NUMBERS:
            _HELD.scores = held
    return np.dot(gallery, query, out=held[:len(gallery)])


def _candidates(scores: np.ndarray, count: int, slack: float) -> np.ndarray:
    """Where the ``count`` largest are, and few others, in order.

    Of the ``count`` groups with the largest maxima each holds an item that
    reaches the least of these maxima, so no group below it matters: one
    pass over the scores, and nothing is sorted but what is left.

    Args:
        scores: (G,).
        count: At most G.
        slack: How far below the bound an item may be.
    """
    groups = len(scores) // _GROUP
    if groups < count:
        return np.arange(len(scores))
    whole = groups * _GROUP
    table = scores[:whole].reshape(_GROUP, groups)
    maxima = table.max(0)
    bound = np.partition(maxima, groups - count)[-count] - slack
    columns = np.flatnonzero(maxima >= bound)
    inside = np.flatnonzero(table[:, columns] >= bound)
    row, column = np.divmod(inside, len(columns))
    return np.concatenate([
        row * groups + columns[column],
        whole + np.flatnonzero(scores[whole:] >= bound)])


def _best_of_block(gallery: np.ndarray, queries: np.ndarray, count: int,
                   slack: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As :func:`_best` for several queries, (B, K) each."""
    candidates = _candidates_of_block(gallery, queries, count, slack)
    if candidates is None:
        halves = [_best_of_block(gallery, queries[half], count, slack[half])
                  for half in np.array_split(np.arange(len(queries)), 2)]
        return (np.concatenate([half[0] for half in halves]),
                np.concatenate([half[1] for half in halves]))
    which, kept = candidates
    scores = _exact_scores(gallery, kept, queries, which)
    order = np.lexsort((kept, -scores, which))
    first = np.searchsorted(which[order], np.arange(len(queries)))
    chosen = order[first[:, None] + np.arange(count)]
    return scores[chosen], kept[chosen]


def _candidates_of_block(gallery: np.ndarray, queries: np.ndarray,
                         count: int, slack: np.ndarray
                         ) -> Optional[tuple[np.ndarray, np.ndarray]]:
    """Queries and places of what may be among the best of each.

    The bound of a query is the ``count``-th largest maximum among all groups
    of items so far; it rises from tile to tile.

    Returns:
        Number of the query and place in the gallery, (P,) each, in no order.
        None: too many, and the block can be halved.
    """
    rows = len(queries)
    best = np.full((rows, count), -np.inf, np.float32)
    margin = slack.astype(np.float32) * np.float32(1.001)
    kept: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    total = 0
    buffer = np.empty((rows, min(_COLUMNS, len(gallery))), np.float32)
    for start in range(0, len(gallery), _COLUMNS):
        tile = gallery[start:start + _COLUMNS]
        width = len(tile)
        scores = buffer[:, :width]
        _MANY(queries, tile, scores)
        # A bound needs as many groups as places; items beyond the last
        # whole group are groups of their own.
        groups = max(width // _GROUP, min(count, width))
        table = scores[:, :width // groups * groups].reshape(
            rows, -1, groups)
        rest = scores[:, table.shape[1] * groups:]
        # Ten times as fast as NumPy's maximum along this axis.
        maxima = torch.from_numpy(table).amax(1).numpy()
        both = np.concatenate([best, maxima, rest], axis=1)
        both.partition(both.shape[1] - count, axis=1)
        best = both[:, -count:]
        bound = best[:, 0] - margin
        # Only groups that reach the bound are gone through again.
        which, group = np.nonzero(maxima >= bound[:, None])
        members = table[which, :, group]
        pair, member = np.nonzero(members >= bound[which, None])
        kept.append((which[pair], start + member * groups + group[pair],
                     members[pair, member]))
        which, column = np.nonzero(rest >= bound[:, None])
        kept.append((which, start + width - rest.shape[1] + column,
                     rest[which, column]))
        total += len(kept[-1][0]) + len(kept[-2][0])
        if total > _MOST_CANDIDATES and rows > 1:
            return None
    which, place, score = (np.concatenate(part)
                           for part in zip(*kept, strict=True))
    still = score >= bound[which]
    return which[still], place[still]


class _FasterProduct:
    """Products of many rows by NumPy or by torch, whichever is faster here.

    NumPy's OpenBLAS is ahead on some makers' CPUs, torch's MKL on others', by
    a fifth. Large products take turns until each was timed so often; both
    are right within the rounding that candidates leave room for, so that
    results are the same.
    """
    _TRIALS = 4
    _LEAST = 2**20

    def __init__(self) -> None:
        self._seconds: dict[str, list[float]] = {'numpy': [], 'torch': []}
        self._chosen = ''

    def __call__(self, queries: np.ndarray, tile: np.ndarray,
                 out: np.ndarray) -> None:
        """Write ``queries @ tile.T`` into ``out``, (B, G)."""
        name = self._chosen or self._least_tried()
        start = time.perf_counter()
        if name == 'torch':
            torch.mm(torch.from_numpy(queries), torch.from_numpy(tile).T,
                     out=torch.from_numpy(out))
        else:
            np.matmul(queries, tile.T, out=out)
        if not self._chosen and out.size >= self._LEAST:
            self._seconds[name].append(time.perf_counter() - start)
            if len(self._seconds[self._least_tried()]) == self._TRIALS:
                self._chosen = min(self._seconds, key=lambda name: min(
                    self._seconds[name]))

    def _least_tried(self) -> str:
        return min(self._seconds, key=lambda name: len(self._seconds[name]))


_MANY = _FasterProduct()


def _exact_scores(gallery: np.ndarray, kept: np.ndarray,
                  queries: np.ndarray, which: np.ndarray) -> np.ndarray:
    """Products of gallery rows and their queries, each by itself, (P,)."""
    scores = np.empty(len(kept), np.float32)
    step = max(1, _MOST_NUMBERS // max(1, gallery.shape[1]))
    wide = queries.astype(np.float64)
    # Column by column, many items are gathered in the order in which they lie.
    by_column = len(wide) > 1 and not gallery.flags.c_contiguous
    order = np.argsort(kept) if by_column else np.arange(len(kept))
    for start in range(0, len(kept), step):
        part = order[start:start + step]
        rows = (gallery.T.take(kept[part], axis=1).T if by_column else
                gallery[kept[part]]).astype(np.float64, order='C')
        rows *= wide[which[part]] if len(wide) > 1 else wide[0]
        scores[part] = rows.sum(1)
    return scores
