"""Choose the training rows that keep their class, to learn from few."""
from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Optional

from ..checks import check_choice
from .splits import stratified_count, stratified_fraction

RESTS = ('drop', 'unlabelled')
ONLY = ('labelled', 'unlabelled')


@dataclass(frozen=True)
class FewLabels:
    """Options of a data set that say which rows keep their class.

    Attributes:
        fraction: Share of each class's rows that keep it, in (0, 1].
        per_class: So many rows of each class keep it; None: ``fraction``
            counts.
        rest: What becomes of the other rows: ``'drop'``: they do not exist.
            ``'unlabelled'``: they stay, as pairs without a class.
        only: Serve the rows with a class alone (``'labelled'``), those
            without (``'unlabelled'``), or all (None).
        seed: Which rows keep their class.

    Raises:
        ValueError: An option is not one of those above, or both numbers are
            given.
    """
    fraction: float = 1.0
    per_class: Optional[int] = None
    rest: str = 'drop'
    only: Optional[str] = None
    seed: int = 0

    def __post_init__(self) -> None:
        check_choice('rest', self.rest, RESTS)
        if self.only is not None:
            check_choice('only', self.only, ONLY)
        if self.per_class is not None and self.fraction != 1:
            raise ValueError(
                'either fraction or per_class says how many rows keep their '
                f'class, got fraction={self.fraction} and '
                f'per_class={self.per_class}')

    @property
    def keeps_all(self) -> bool:
        """Whether every row stays as it is."""
        return self.fraction == 1 and self.per_class is None

    def kept(self, labels: Sequence[Optional[Hashable]]
             ) -> tuple[list[int], list[int]]:
        """Choose rows.

        Args:
            labels: Class of each training row; None: it has none.

        Returns:
            The rows that exist and those of them that have a class, in
            ascending order.

        Raises:
            ValueError: The fraction or number is out of its range.
        """
        known = [row for row, label in enumerate(labels) if label is not None]
        classes = [labels[row] for row in known]
        chosen = (stratified_fraction(classes, self.fraction, self.seed)
                  if self.per_class is None else
                  stratified_count(classes, self.per_class, self.seed))
        labelled = [known[place] for place in chosen]
        left_out = (set(known).difference(labelled) if self.rest == 'drop'
                    else set())
        return [row for row in range(len(labels))
                if row not in left_out], labelled

    def serves(self, has_class: bool) -> bool:
        """Whether a row is served, with or without a class."""
        return self.only is None or has_class == (self.only == 'labelled')
