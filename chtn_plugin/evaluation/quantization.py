"""Store vectors in a byte or a bit a number, and measure what that costs."""
from __future__ import annotations

from typing import Optional

import numpy as np

from ..checks import check_choice
from .exact_search import nearest

PRECISIONS = ('float32', 'int8', 'binary')


def quantized(rows: np.ndarray, precision: str,
              scale: Optional[np.ndarray] = None
              ) -> tuple[np.ndarray, Optional[np.ndarray]]:
    """Store vectors in fewer bits.

    Args:
        rows: Vectors as they are compared by inner product, (N, D).
        precision: ``'float32'``: as they are. ``'int8'``: each column
            divided by its scale and rounded to -127 … 127. ``'binary'``:
            whether a number is above 0, eight to a byte, (N, ⌈D/8⌉) uint8.
        scale: Of int8, (D,). None: each column's largest magnitude / 127.

    Returns:
        The stored vectors, and the scale; None but for int8.

    Raises:
        ValueError: The precision is not one of those above.
    """
    check_choice('precision', precision, PRECISIONS)
    if precision == 'float32':
        return rows.astype(np.float32), None
    if precision == 'binary':
        return np.packbits(rows > 0, axis=1), None
    if scale is None:
        largest = np.abs(rows).max(0) if len(rows) else np.ones(rows.shape[1])
        scale = np.where(largest > 0, largest / 127, 1).astype(np.float32)
    return np.clip(np.rint(rows / scale), -127, 127).astype(np.int8), scale


def quantized_recall(queries: np.ndarray, gallery: np.ndarray,
                     precision: str, topk: int = 10,
                     rescored: int = 0) -> float:
    """Measure which share of the exact results a search still finds.

    int8: the query in float32, the gallery in bytes. Binary: both in bits,
    compared by Hamming distance.

    Args:
        queries: Of the other kind, (Q, D): a store that finds pictures by
            pictures may fail on texts.
        gallery: Float vectors that were stored, (G, D).
        precision: As for :func:`quantized`.
        topk: Results of which the recall is the share found.
        rescored: Results of the quantised search whose float vectors are
            compared again; 0: none.

    Returns:
        Mean over the queries, in [0, 1].
    """
    topk = min(topk, len(gallery))
    _, exact = nearest(queries, gallery, topk)
    stored, scale = quantized(gallery, precision)
    if precision == 'binary':
        # Inner products of signs order as Hamming distances do.
        stored = np.where(gallery > 0, 1, -1).astype(np.float32)
        asked = np.where(queries > 0, 1, -1).astype(np.float32)
    else:
        asked = queries
        stored = stored * (1 if scale is None else scale)
    _, found = nearest(asked, stored.astype(np.float32),
                       min(max(topk, rescored), len(gallery)))
    hits = 0
    for query, best, places in zip(queries, exact, found, strict=True):
        if rescored:
            scores = gallery[places] @ query
            places = places[np.argsort(-scores, kind='stable')]
        hits += len(set(best.tolist()) & set(places[:topk].tolist()))
    return hits / max(len(queries) * topk, 1)
