"""Number class names, and turn the numbers of rows into label tensors."""
from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Optional

import numpy as np
import torch
from torch import Tensor

from ..storage.text_column import ends_of, spread
from .manifest_rows import Manifest, PairRecord

#: The class number of a row (-1: it has none); in multi-label data those of
#: all its classes.
Label = int | tuple[int, ...]


@dataclass(frozen=True)
class SparseLabels:
    """Classes of N rows: numbers where each has one, lists where several.

    A matrix of 10,000 classes a row would be the data set; its rows are made
    for a batch at a time.

    Attributes:
        codes: Class numbers of all rows behind one another, int64.
        ends: Where each row's end, from 0, (N + 1) int64.
        num_classes: C; None: a row has one class, or none.
        has_none: Rows that are known to have none of the classes, (N,) bool:
            rows of 0 in a matrix, where a row without a class is NaN. None:
            there are no such rows.
    """
    codes: np.ndarray
    ends: np.ndarray
    num_classes: Optional[int] = None
    has_none: Optional[np.ndarray] = None

    @classmethod
    def of_matrix(cls, matrix: np.ndarray) -> SparseLabels:
        """Take the ones of a matrix, (N, C) of 0, 1 and rows of NaN."""
        lacks = np.isnan(matrix).all(1)
        rows, codes = np.nonzero((matrix == 1) & ~lacks[:, None])
        counts = np.bincount(rows, minlength=len(matrix))
        return cls(codes.astype(np.int64), ends_of(counts), matrix.shape[1],
                   (counts == 0) & ~lacks)

    def __len__(self) -> int:
        return len(self.ends) - 1

    def lacks_class(self) -> np.ndarray:
        """Which rows have no class that is known, (N,) bool."""
        empty = np.diff(self.ends) == 0
        return empty if self.has_none is None else empty & ~self.has_none

    def combinations(self) -> list[Optional[str]]:
        """Name the set of classes of each row, None where it has no class.

        The names are equal where the sets are, and sort as the rows of the
        whole matrix would.
        """
        ends = self.ends.tolist()
        codes = self.codes.tolist()
        # Of two rows the one with the lower class first is the greater: it
        # has the first 1 where the other has 0.
        sets: list[Optional[tuple[int, ...]]] = [
            None if lacks else tuple(-code for code in sorted(set(
                codes[first:last])))
            for first, last, lacks in zip(
                ends[:-1], ends[1:], self.lacks_class().tolist(),
                strict=True)]
        ranks = {own: f'{rank:09}' for rank, own in enumerate(sorted(
            {own for own in sets if own is not None}))}
        return [None if own is None else ranks[own] for own in sets]

    def without(self, rows: np.ndarray) -> SparseLabels:
        """Take their classes from rows, whose numbers are given."""
        keeps = np.ones(len(self), bool)
        keeps[rows] = False
        counts = np.diff(self.ends)
        return replace(
            self, codes=self.codes[np.repeat(keeps, counts)],
            ends=ends_of(np.where(keeps, counts, 0)),
            has_none=None if self.has_none is None else self.has_none & keeps)

    def of(self, row: int) -> Label:
        """The class number of a row, -1: none; or the numbers."""
        own = tuple(self.codes[self.ends[row]:self.ends[row + 1]].tolist())
        if self.num_classes is not None:
            return own
        return own[0] if own else -1

    def joined(self, more: SparseLabels) -> SparseLabels:
        """The rows of these labels, then those of others of equal width."""
        none = None
        if self.has_none is not None or more.has_none is not None:
            none = np.concatenate([
                np.zeros(len(one), bool) if one.has_none is None
                else one.has_none for one in (self, more)])
        return replace(
            self, codes=np.concatenate([self.codes, more.codes]),
            ends=np.concatenate([self.ends, self.ends[-1] + more.ends[1:]]),
            has_none=none)

    def take(self, rows: np.ndarray) -> SparseLabels:
        """Choose rows."""
        counts = self.ends[rows + 1] - self.ends[rows]
        return replace(self, codes=self.codes[spread(
            self.ends[rows], counts)], ends=ends_of(counts),
            has_none=None if self.has_none is None else self.has_none[rows])

    def tensor(self, rows: np.ndarray) -> Tensor:
        """Make the labels of a batch.

        Returns:
            (B,) int64, -1 for a row without a class; in multi-label data (B,
            C) float32 of 0 and 1, NaN for such a row.
        """
        first = self.ends[rows]
        counts = self.ends[rows + 1] - first
        if self.num_classes is None:
            labels = np.full(len(rows), -1, np.int64)
            has = counts > 0
            labels[has] = self.codes[first[has]]
            return torch.from_numpy(labels)
        members = torch.zeros(len(rows), self.num_classes)
        members[torch.from_numpy(np.repeat(np.arange(len(rows)), counts)),
                torch.from_numpy(self.codes[spread(first, counts)])] = 1
        lacks = counts == 0
        if self.has_none is not None:
            lacks &= ~self.has_none[rows]
        members[torch.from_numpy(lacks)] = math.nan
        return members


class ClassNumbers:
    """The class names of a data set, in label order.

    Args:
        classes: The C names. Of a name that comes twice the first counts.
        several: Whether a row may have several classes (multi-label data).
        split: Split that the classes come from, for messages.
    """

    def __init__(self, classes: Sequence[str], several: bool,
                 split: str) -> None:
        self.classes = classes
        self.several = several
        self.split = split
        self._numbers: dict[str, int] = {}
        for number, name in enumerate(classes):
            self._numbers.setdefault(name, number)

    def of(self, record: PairRecord) -> Label:
        """Return the label of a row.

        Raises:
            ValueError: A class has no number; the message names the row.
        """
        return self.labels(Manifest.of([record]), np.zeros(1, np.int64)).of(0)

    def labels(self, manifest: Manifest, rows: np.ndarray,
               has_class: Optional[np.ndarray] = None) -> SparseLabels:
        """Return the labels of many rows.

        Args:
            manifest: All rows.
            rows: Numbers of the N rows, int64.
            has_class: Which of them keep their classes, (N,) bool; None: all.

        Raises:
            ValueError: A class has no number; the message names the row.
        """
        of_code = np.array([self._numbers.get(name, -1)
                            for name in manifest.class_names], np.int64)
        first = manifest.class_ends[rows]
        counts = manifest.class_ends[rows + 1] - first
        if has_class is not None:
            counts = np.where(has_class, counts, 0)
        codes = manifest.class_codes[spread(first, counts)]
        label = of_code[codes]
        unknown = np.flatnonzero(label < 0)
        if len(unknown):
            name = manifest.class_names[codes[unknown[0]]]
            row = int(np.repeat(rows, counts)[unknown[0]])
            raise ValueError(
                f'a class must be one of the {len(self.classes)} of split '
                f'{self.split!r} ({", ".join(self.classes[:5])}, ...): '
                f'got {name!r} at {manifest.where(row)}')
        return SparseLabels(label, ends_of(counts), self._width)

    def tensor(self, labels: Sequence[Label]) -> Tensor:
        """Make the labels of a batch.

        Args:
            labels: As :meth:`of` gives them.

        Returns:
            As :meth:`SparseLabels.tensor`.
        """
        several = [label if isinstance(label, tuple) else
                   (label, ) if label >= 0 else () for label in labels]
        return SparseLabels(
            np.array([code for own in several for code in own], np.int64),
            ends_of(np.array(list(map(len, several)))),
            self._width).tensor(np.arange(len(several)))

    @property
    def _width(self) -> Optional[int]:
        return len(self.classes) if self.several else None
