"""Published test sets by name, recognised by their labels."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

import numpy as np


@dataclass(frozen=True)
class Split:
    """A published test set.

    Attributes:
        name: How protocols name it.
        summary: Where it comes from.
        size: Items of either modality.
        class_counts: Items of each class in the order of the class numbers;
            None where the member lists allow no such check.
        cut_from: Split whose file order this one is cut from.
        first: Items at the beginning of ``cut_from`` that are left out.
    """
    name: str
    summary: str
    size: int
    class_counts: Optional[tuple[int, ...]] = None
    cut_from: Optional[str] = None
    first: int = 0

    def members(self, labels: np.ndarray) -> slice:
        """Return the slice of the items that belongs to the split.

        Args:
            labels: Class of each item, (N,).

        Raises:
            ValueError: The items are not those of the split.
        """
        if self.cut_from and len(labels) == SPLITS[self.cut_from].size:
            SPLITS[self.cut_from].members(labels)
            return slice(self.first, None)
        if labels.ndim != 1 or len(labels) != self.size:
            also = (f' (or the {SPLITS[self.cut_from].size} of '
                    f'{self.cut_from}, in file order)' if self.cut_from
                    else '')
            raise ValueError(f'split {self.name} has {self.size} items of '
                             f'one class each{also}, got labels '
                             f'{labels.shape}')
        if self.class_counts is not None:
            counts = np.unique(labels, return_counts=True)[1]
            if tuple(counts.tolist()) != self.class_counts:
                raise ValueError(
                    f'split {self.name} has {self.class_counts} items of '
                    f'its classes, got {tuple(counts.tolist())}')
        return slice(None)


SPLITS = {split.name: split for split in (
    Split('wikipedia-693',
          'the 693 test pairs of the original Wikipedia lists; what the CHTN '
          'release evaluates', 693,
          (34, 88, 96, 85, 65, 58, 51, 41, 71, 104)),
    Split('wikipedia-462',
          'the last 462 of the 693 in file order, the first 231 being held '
          'out for validation (MRL and others); the original authors\' own '
          '462 are unpublished', 462, cut_from='wikipedia-693', first=231),
)}
