"""Count which class is taken for which, by classifiers and by retrieval."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Optional

import numpy as np

from .embeddings import Embeddings
from .exact_search import comparable_rows, nearest
from .relevance import has_class
from .similarity import embedding_matrix

#: What queries are, what is found, and how the matrix is called.
_DIRECTIONS = (('i2t', 'image', 'text'), ('t2i', 'text', 'image'))


@dataclass(frozen=True)
class Confusion:
    """Counts of one judge.

    Attributes:
        counts: (C, C): true classes in rows, what they were taken for in
            columns.
        left_out: Items without a class, or of which what was found has none.
    """
    counts: np.ndarray
    left_out: int = 0

    @property
    def accuracy(self) -> Optional[float]:
        """Share that was taken for what it is; None: nothing was judged."""
        total = self.counts.sum()
        return float(np.trace(self.counts) / total) if total else None

    @property
    def recalls(self) -> list[Optional[float]]:
        """The same of each class, (C,)."""
        return [float(row[at] / row.sum()) if row.sum() else None
                for at, row in enumerate(self.counts)]


def confusion(true: np.ndarray, taken_for: np.ndarray,
              num_classes: int) -> Confusion:
    """Count classes against what they were taken for.

    Args:
        true: Classes (N,); -1: none.
        taken_for: Classes of the same items (N,), or several of each (N, K).
        num_classes: Number C of classes.
    """
    taken_for = np.asarray(taken_for)
    true = np.asarray(true).reshape(-1, *[1] * (taken_for.ndim - 1))
    true = np.broadcast_to(true, taken_for.shape)
    known = (true >= 0) & (taken_for >= 0)
    counts = np.zeros((num_classes, num_classes), np.int64)
    np.add.at(counts, (true[known], taken_for[known]), 1)
    return Confusion(counts, int((~known).sum()))


def single_classes(labels: Any, part: str) -> np.ndarray:
    """Return one class an item, (N,); -1 where it has none.

    Args:
        labels: As :class:`~chtn_plugin.evaluation.embeddings.Embeddings` has
            them.
        part: Of which modality, for the message.

    Raises:
        ValueError: There are no labels, or an item has several classes.
    """
    if labels is None:
        raise ValueError(f'a confusion matrix needs classes: the {part}s have '
                         'none')
    labels = np.asarray(labels)
    if labels.dtype.kind not in 'biuf':
        raise ValueError('a confusion matrix needs class numbers: the labels '
                         f'of the {part}s are such as {labels.ravel()[0]!r}')
    if labels.ndim == 1:
        return labels.astype(np.int64)
    known = has_class(labels)
    several = np.flatnonzero(known & (np.nan_to_num(labels).sum(1) != 1))
    if len(several):
        raise ValueError('a confusion matrix needs one class an item: '
                         f'{part} {several[0]} has several')
    return np.where(known, np.nan_to_num(labels).argmax(1), -1)


def confusions(embeddings: Embeddings,
               predicted: Optional[Mapping[str, np.ndarray]] = None
               ) -> dict[str, Confusion]:
    """Count what the classifier and what retrieval takes for what.

    Retrieval takes a query for the class of the first item of the other
    modality that it finds; its own partner is among them, as in every figure
    of class retrieval. Of equal scores the first in the gallery counts.

    Args:
        embeddings: With labels.
        predicted: By ``'image'`` and ``'text'``, the class that a classifier
            gives each item, (N,). None: there is none.

    Returns:
        By ``'image'``, ``'text'``, ``'i2t'``, ``'t2i'``; those that can be
        counted.

    Raises:
        ValueError: No item has a class, one has several, or the vectors
            cannot be compared.
    """
    predicted = predicted or {}
    present = [part for part in ('image', 'text')
               if embeddings.part(part)[0] is not None]
    label = {part: single_classes(embeddings.part(part)[1], part)
             for part in present}
    count = max([len(embeddings.classes), *(
        int(values.max(initial=-1)) + 1 for values in (
            *label.values(), *(np.asarray(p) for p in predicted.values())))])
    if not any((values >= 0).any() for values in label.values()):
        raise ValueError('a confusion matrix needs classes: no item has one')
    found = {part: confusion(label[part], predicted[part], count)
             for part in present if part in predicted}
    similarity = embeddings.meta.get('similarity', 'cosine')
    for direction, query, gallery in _DIRECTIONS:
        if query in label and gallery in label:
            queries, items = (
                comparable_rows(embedding_matrix(rows, part).numpy(),
                                similarity)
                for part in (query, gallery)
                if (rows := embeddings.part(part)[0]) is not None)
            _, places = nearest(queries, items, 1)
            found[direction] = confusion(
                label[query], label[gallery][places[:, 0]], count)
    return found
