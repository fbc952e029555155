"""Choose which training rows have a label, and cut them into folds."""
from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from ..models.pair_teaching import folds
from .pair_features import PairFeatures

__all__ = ['FEWEST_TO_CHOOSE', 'LabelBudget', 'can_choose', 'folds',
           'unseen_classes']

#: Fewer labels of a class than this leave nothing to choose settings on.
FEWEST_TO_CHOOSE = 3
_SHARE = re.compile(r'(\d+(?:\.\d+)?)%')
_EACH = re.compile(r'(\d+)/class')


@dataclass(frozen=True)
class LabelBudget:
    """How many training rows have a label.

    Attributes:
        share: Share of each class's rows, in (0, 1]; None where ``each`` is.
        each: Rows a class.
    """
    share: float | None = None
    each: int | None = None

    @classmethod
    def parse(cls, text: str) -> LabelBudget:
        """Read ``'10%'`` or ``'4/class'``.

        Raises:
            ValueError: It is neither.
        """
        share, each = _SHARE.fullmatch(text), _EACH.fullmatch(text)
        if share and 0 < float(share[1]) <= 100:
            return cls(share=float(share[1]) / 100)
        if each and int(each[1]):
            return cls(each=int(each[1]))
        raise ValueError("labels must be a share as '10%' or a number a "
                         f"class as '4/class', got {text!r}")

    @property
    def name(self) -> str:
        """As it is written."""
        return (f'{self.each}/class' if self.share is None
                else f'{100 * self.share:g}%')

    @property
    def whole(self) -> bool:
        """Whether every row keeps its label, so that draws do not differ."""
        return self.share == 1

    def labelled(self, features: PairFeatures, draw: int) -> np.ndarray:
        """Draw the rows that keep their label, the same for each method.

        Args:
            features: The set; only its training rows are drawn from.
            draw: Number of the draw; equal numbers draw equal rows.
        """
        rng = np.random.default_rng((draw, 1000))
        rows: list[int] = []
        for number in range(features.num_classes):
            members = rng.permutation(np.flatnonzero(
                features.train & (features.label == number)))
            size = (self.each if self.share is None else
                    max(1, round(self.share * len(members))))
            rows += members[:size].tolist()
        return np.sort(np.array(rows, dtype=int))


def can_choose(label: np.ndarray) -> bool:
    """Whether every class has rows enough to choose settings on."""
    return bool(len(label) and np.unique(
        label, return_counts=True)[1].min() >= FEWEST_TO_CHOOSE)


def unseen_classes(classes: np.ndarray, share: float, draw: int
                   ) -> np.ndarray:
    """Draw classes to keep out of training, at least two and not all.

    Args:
        classes: Numbers of the classes that training rows have, ascending.
        share: Share to keep out, in (0, 1).
        draw: Number of the draw.

    Raises:
        ValueError: The share is not in (0, 1), or too few classes remain.
    """
    if not 0 < share < 1:
        raise ValueError(f'unseen must be in (0, 1), got {share}')
    size = len(classes)
    count = max(2, round(share * size))
    if size - count < 2:
        raise ValueError(f'unseen={share} of {size} classes leaves '
                         f'{size - count} to train on; two are needed')
    rng = np.random.default_rng((draw, 3000))
    return np.sort(classes[rng.choice(size, count, replace=False)])
