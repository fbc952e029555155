"""Add approximate search to an index, and measure what it misses."""
from __future__ import annotations

from typing import Any, Optional

import numpy as np

from ..evaluation.approximate import build_approximate
from ..evaluation.exact_search import comparable_rows
from .index_store import IndexStore
from .opened_gallery import open_gallery


def approximate_index(store: IndexStore, encoder: Any, factory: str,
                      queries: Optional[str] = None,
                      wanted: Optional[float] = None) -> dict[str, Any]:
    """Add FAISS indexes to an index, each measured on cross-modal queries.

    Args:
        store: The index.
        encoder: The inferencer.
        factory: FAISS's name; see :func:`build_approximate`.
        queries: Source of queries. None: what the index holds of the other
            kind, or for pictures else three words of the vocabulary each.
        wanted: Recall to tune the indexes for; see :func:`build_approximate`.

    Returns:
        What was measured, by kind.
    """
    with store.changing():
        measured = _measured(store, encoder, factory, queries, wanted)
        store.set_approximate(measured)
    return measured


def _measured(store: IndexStore, encoder: Any, factory: str,
              queries: Optional[str], wanted: Optional[float]
              ) -> dict[str, Any]:
    gallery = store.gallery(unfinished=True, exact=True)
    others = None if queries is None else open_gallery(encoder, queries, False)
    measured = {}
    for kind, other in (('image', 'text'), ('text', 'image')):
        if not gallery.count(kind):
            continue
        source = next((g for g in (others, gallery)
                       if g is not None and g.count(other)), None)
        rows = None if source is None else _sample(source.rows(other))
        words = sorted(encoder.run.vocabulary)
        if rows is None and other == 'text' and words:
            draw = np.random.default_rng(0).integers(0, len(words), (500, 3))
            rows = comparable_rows(encoder.encode_texts(
                [' '.join(words[i] for i in three) for three in draw], False),
                store.similarity)
        measured[kind] = build_approximate(
            store.folder, kind, gallery.rows(kind), factory, rows,
            wanted=wanted)
    return measured


def _sample(rows: np.ndarray, count: int = 500) -> np.ndarray:
    if len(rows) <= count:
        return rows
    return rows[np.random.default_rng(0).choice(len(rows), count, False)]
