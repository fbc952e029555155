"""The nearest items of a gallery, exactly, by cosine."""
from __future__ import annotations

import numpy as np

_BLOCK = 64


def unit_rows(rows: np.ndarray) -> np.ndarray:
    """Rows scaled to length 1 as float32, (N, D); rows of zeros stay so."""
    rows = np.asarray(rows, np.float32)
    length = np.linalg.norm(rows, axis=-1, keepdims=True)
    return rows / np.maximum(length, np.finfo(np.float32).tiny)


def nearest(queries: np.ndarray, gallery: np.ndarray,
            topk: int) -> tuple[np.ndarray, np.ndarray]:
    """The ``topk`` best items of each query, best first.

    Equal scores stand in gallery order, so the answer never depends on how
    the work was cut. K is ``topk``, or G where the gallery is smaller.

    Args:
        queries: Unit rows, (Q, D).
        gallery: Unit rows, (G, D).
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
            scores[row], places[row] = _best(gallery @ query, count)
    return scores, places


def _best(scores: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The ``count`` largest and where they stand, ties in order."""
    if count < len(scores):
        kept = np.flatnonzero(scores >= _bound(scores, count))
    else:
        kept = np.arange(len(scores))
    kept = kept[np.argsort(-scores[kept], kind='stable')][:count]
    return scores[kept], kept


def _bound(scores: np.ndarray, count: int) -> float:
    """A value that the ``count`` largest reach, and few others.

    Of ``count`` groups with the largest maxima each holds an item that
    reaches the least of these maxima: finding it costs a fraction of a
    partition of all scores.
    """
    blocks = len(scores) // _BLOCK
    maxima = scores
    if blocks >= count:
        maxima = scores[:blocks * _BLOCK].reshape(_BLOCK, blocks).max(0)
    return np.partition(maxima, len(maxima) - count)[-count]
