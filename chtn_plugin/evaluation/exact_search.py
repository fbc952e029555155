"""The nearest items of a gallery, exactly, by cosine."""
from __future__ import annotations

import numpy as np

_GROUP = 64


def unit_rows(rows: np.ndarray) -> np.ndarray:
    """Rows scaled to length 1 as float32, (N, D); rows of zeros stay so."""
    rows = np.asarray(rows, np.float32)
    length = np.linalg.norm(rows, axis=-1, keepdims=True)
    return rows / np.maximum(length, np.finfo(np.float32).tiny)


def comparable_rows(rows: np.ndarray, similarity: str) -> np.ndarray:
    """Rows whose dot products are the similarity, (N, D) float32.

    Args:
        rows: Representations, (N, D).
        similarity: ``'cosine'``: rows are scaled to length 1. ``'dot'``:
            they stay as they are.
    """
    return (unit_rows(rows) if similarity == 'cosine' else
            np.asarray(rows, np.float32))


def nearest(queries: np.ndarray, gallery: np.ndarray,
            topk: int) -> tuple[np.ndarray, np.ndarray]:
    """The ``topk`` best items of each query, best first.

    A product in float32 chooses what is looked at, wide enough for its
    rounding; what is left is scored in float64, each row by itself. So equal
    rows have equal scores wherever they stand, and equal scores stand in
    gallery order. K is ``topk``, or G where the gallery is smaller.

    Args:
        queries: Unit rows, (Q, D).
        gallery: Unit rows, (G, D); faster in Fortran's order.
        topk: How many.

    Returns:
        Scores (Q, K) and positions in the gallery (Q, K).

    Raises:
        ValueError: ``topk`` is below 1, or the sizes differ.
    """
    if topk < 1:
        raise ValueError(f'topk must be at least 1, got {topk}')
    if queries.ndim != 2 or queries.shape[1:] != gallery.shape[1:]:
        raise ValueError('queries (Q, D) and gallery (G, D) must share the '
                         f'size D, got {queries.shape} and {gallery.shape}')
    count = min(topk, len(gallery))
    scores = np.empty((len(queries), count), np.float32)
    places = np.empty((len(queries), count), np.int64)
    if count:
        for row, query in enumerate(queries):
            scores[row], places[row] = _best(gallery, query, count)
    return scores, places


def _best(gallery: np.ndarray, query: np.ndarray,
          count: int) -> tuple[np.ndarray, np.ndarray]:
    """The ``count`` largest and where they stand, ties in order."""
    # Twice the error of a product of two unit rows in float32.
    slack = (len(query) + 2) * float(np.finfo(np.float32).eps)
    kept = _candidates(gallery @ query, count, slack)
    scores = (gallery[kept].astype(np.float64) * query).sum(1)
    scores = scores.astype(np.float32)
    order = np.argsort(-scores, kind='stable')[:count]
    return scores[order], kept[order]


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
