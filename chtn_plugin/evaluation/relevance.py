"""Decide which gallery items are relevant to which query."""
from __future__ import annotations

from typing import Any, Optional

import numpy as np

# Wider 0/1 labels are multiplied as sparse matrices: the time is that of the
# classes that items have, not of those that there are.
_SPARSE_FROM = 256


class Relevance:
    """Items are relevant if they share at least one class with the query.

    Args:
        query: Class of each query, (Q,), or its classes as 0/1, (Q, C).
        gallery: The same of each gallery item, (G,) or (G, C).
        same: Gallery position of each query itself, which then leaves the
            ranking, (Q,). None: queries are no part of the gallery.

    Attributes:
        order: Order of the gallery in which the answers to each query are
            the columns ``starts[q]:stops[q]``. None in multi-label data.
        own_column: Column of each query itself in that order.

    Raises:
        ValueError: One is single-label and the other is not, C differs, or a
            multi-label entry is neither 0 nor 1.
    """

    def __init__(self,
                 query: np.ndarray,
                 gallery: np.ndarray,
                 same: Optional[np.ndarray] = None) -> None:
        query, gallery = label_array(query), label_array(gallery)
        if query.shape[1:] != gallery.shape[1:]:
            raise ValueError('query and gallery labels must agree: both one '
                             'class an item (N,) or both 0/1 (N, C), got '
                             f'{query.shape} and {gallery.shape}')
        self.same = same
        self.order: Optional[np.ndarray] = None
        self.own_column = same
        self._query: Any = query
        self._gallery: Any = gallery
        if query.ndim == 2:
            counted = (_sparse if query.shape[1] >= _SPARSE_FROM
                       else np.float32)
            self._query, self._gallery = counted(query), counted(gallery)
        else:
            # Sorted by class, the answers to a query are one slice.
            self.order = np.argsort(gallery, kind='stable')
            ranked = gallery[self.order]
            self.starts = np.searchsorted(ranked, query, 'left')
            self.stops = np.searchsorted(ranked, query, 'right')
            if same is not None:
                column = np.empty_like(self.order)
                column[self.order] = np.arange(len(column))
                self.own_column = column[same]

    @property
    def gallery_size(self) -> int:
        """Items that a query is ranked against."""
        return self._gallery.shape[0] - (self.same is not None)

    def answers(self, query: int) -> np.ndarray:
        """Return a query's relevant items, positions in file order, (R,)."""
        if self.order is None:
            return np.flatnonzero(self.mask(np.array([query]))[0])
        relevant = self.order[self.starts[query]:self.stops[query]]
        return relevant if self.same is None else relevant[
            relevant != self.same[query]]

    def mask(self, queries: np.ndarray) -> np.ndarray:
        """Tell which items, in file order, are relevant to queries, (B, G)."""
        if self.order is None:
            shared = self._query[queries] @ self._gallery.T
            mask = (shared if isinstance(shared, np.ndarray)
                    else shared.toarray()) > 0
        else:
            mask = self._query[queries][:, None] == self._gallery
        if self.same is not None:
            mask[np.arange(len(queries)), self.same[queries]] = False
        return mask

    def counts(self) -> np.ndarray:
        """Count the relevant items of each query, (Q,)."""
        if self.order is not None:
            return self.stops - self.starts - (self.same is not None)
        everyone = np.arange(self._query.shape[0])
        return np.concatenate([
            self.mask(part).sum(1, dtype=np.int64)
            for part in np.array_split(everyone, 1 + len(everyone) // 256)])


def _sparse(labels: np.ndarray) -> Any:
    """The ones of 0/1 labels, (N, C), by row."""
    from scipy import sparse

    # Several times as fast as SciPy's own reading of a dense array.
    columns = np.flatnonzero(labels) % labels.shape[1]
    ends = np.concatenate([[0], np.cumsum(labels.sum(1))])
    return sparse.csr_array(
        (np.ones(len(columns), np.float32), columns, ends), labels.shape)


def label_array(labels: np.ndarray) -> np.ndarray:
    """Convert labels to integers or names, (N,), or booleans, (N, C).

    An item without a class has -1, or no class set; :func:`has_class` tells.

    Raises:
        ValueError: A multi-label entry is neither 0 nor 1 (nor is its whole
            row NaN), or the shape is neither (N,) nor (N, C).
    """
    labels = _squeezed(labels)
    if labels.ndim == 2 and labels.dtype == bool:
        return labels
    if labels.ndim == 2:
        labels = np.where(has_class(labels)[:, None], labels, 0)
        wrong = (labels != 0) & (labels != 1)
        if wrong.any():
            row = int(wrong.any(1).argmax())
            raise ValueError('multi-label entries must be 0 or 1, row '
                             f'{row} holds {labels[row][wrong[row]][0]}')
        return labels.astype(bool)
    if labels.ndim != 1:
        raise ValueError('labels must be (N,) or (N, C), got '
                         f'{labels.shape}')
    if labels.dtype.kind == 'f':
        labels = np.where(np.isnan(labels), -1, labels)
        if not (labels == np.floor(labels)).all():
            raise ValueError('class labels must be whole numbers, got '
                             f'{labels[labels != np.floor(labels)][0]}')
        labels = labels.astype(np.int64)
    return labels


def has_class(labels: np.ndarray) -> np.ndarray:
    """Whether an item has a class: neither -1 nor NaN throughout, (N,)."""
    labels = _squeezed(labels)
    if labels.dtype.kind not in 'if':
        return np.ones(len(labels), dtype=bool)
    if labels.ndim == 2:
        return ~np.isnan(labels).all(1)
    return ~(np.isnan(labels) | (labels == -1))


def _squeezed(labels: np.ndarray) -> np.ndarray:
    labels = np.asarray(labels)
    if labels.ndim == 2 and labels.shape[1] == 1:
        return labels[:, 0]
    return labels
