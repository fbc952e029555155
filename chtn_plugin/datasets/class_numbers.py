"""Number class names, and turn the numbers of rows into label tensors."""
from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from .manifest import PairRecord

#: The class number of a row (-1: it has none); in multi-label data those of
#: all its classes.
Label = int | tuple[int, ...]


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

        A vector of 10,000 numbers a row would be the data set;
        :meth:`tensor` makes it, for a batch at a time.

        Raises:
            ValueError: A class has no number; the message names the row.
        """
        numbers = []
        for name in record.classes:
            if name not in self._numbers:
                raise ValueError(
                    f'a class must be one of the {len(self.classes)} of split '
                    f'{self.split!r} ({", ".join(self.classes[:5])}, ...): '
                    f'got {name!r} at {record.where}')
            numbers.append(self._numbers[name])
        if self.several:
            return tuple(numbers)
        return numbers[0] if numbers else -1

    def tensor(self, labels: Sequence[Label]) -> torch.Tensor:
        """Make the labels of a batch.

        Args:
            labels: As :meth:`of` gives them.

        Returns:
            (B,) int64, -1 for a row without a class; in multi-label data (B,
            C) float32 of 0 and 1, NaN for such a row.
        """
        if not self.several:
            return torch.tensor(labels)
        rows = torch.zeros(len(labels), len(self.classes))
        for row, numbers in zip(rows, labels, strict=True):
            assert isinstance(numbers, tuple)
            if numbers:
                row[list(numbers)] = 1
            else:
                row[:] = math.nan
        return rows
