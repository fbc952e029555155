"""Cut the validation split from the training rows, by a seed."""
from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import Optional

from .grouping import groups_sharing, image_contents, text_contents
from .manifest import PairRecord
from .splits import grouped_split

Contents = Sequence[Optional[Hashable] | list[str]]


@dataclasses.dataclass(frozen=True)
class ValidationCut:
    """A share of the training rows to validate on, of every class alike.

    Rows with equal content stay on one side, so that validation does not
    measure memory. Data sets and preparations that cut give their options
    ``val_fraction`` and ``val_seed`` to it, so the same options mean the same
    rows everywhere.

    Attributes:
        fraction: The share, in (0, 1); 0: nothing is cut.
        seed: Which rows they are.
        fold: In place of the fraction: which fold (k, from 0) of how many.
            The folds of a seed part the rows among them.
    """
    fraction: float
    seed: int = 0
    fold: Optional[Sequence[int]] = None

    def __post_init__(self) -> None:
        if self.fold is None:
            return
        try:
            number, count = map(int, self.fold)
        except (TypeError, ValueError):
            number = count = 0
        if not (count >= 2 and 0 <= number < count):
            raise ValueError('a fold must be (k, K), of K folds, 2 at least, '
                             'the k-th counted from 0: got '
                             f'{self.fold!r}') from None

    def rows(self, labels: Sequence[Optional[Hashable]],
             *contents: Contents) -> list[int]:
        """Choose the rows, the share of those that have a class.

        A row without a class stays in training, unless it shares content
        with a row that is chosen: then it goes with that.

        Args:
            labels: Class of each of N training rows; None: it has none.
            contents: As for :func:`groups_sharing`; rows that share one stay
                on one side.

        Returns:
            Row numbers in ascending order.

        Raises:
            ValueError: The fraction is not in (0, 1), or too few groups
                leave nothing to validate on.
        """
        if self.fold is None and not 0 < self.fraction < 1:
            raise ValueError('val_fraction must be in (0, 1), got '
                             f'{self.fraction}')
        groups = groups_sharing(*contents)
        known = [row for row, label in enumerate(labels) if label is not None]
        splits = grouped_split([labels[row] for row in known],
                               [groups[row] for row in known],
                               self._shares(), self.seed)
        chosen = {groups[row] for row, split in zip(known, splits,
                                                    strict=True)
                  if split == 'val'}
        rows = [row for row, group in enumerate(groups) if group in chosen]
        if not rows:
            raise ValueError(
                f'{self._name()} of the {len(labels)} training rows leave '
                'none to validate on: those with equal images or texts stay '
                f'together, and they make {len(set(groups))} groups')
        return rows

    def _shares(self) -> dict[str, float]:
        """Shares of the parts, of which one is ``'val'``."""
        if self.fold is None:
            return {'train': 1 - self.fraction, 'val': self.fraction}
        number, count = self.fold
        return {'val' if part == number else f'fold{part}': 1 / count
                for part in range(count)}

    def _name(self) -> str:
        return (str(self.fraction) if self.fold is None else
                'fold {} of {}'.format(*self.fold))

    def records(self, records: Sequence[PairRecord],
                root: Optional[Path] = None,
                min_tokens: int = 0,
                split: str = 'train',
                images: Optional[Callable[[list[int]], Contents]] = None
                ) -> list[PairRecord]:
        """Move the share of a split to ``'val'``.

        Args:
            records: The pairs.
            root: Folder of the images; None: a path stands for its content.
            min_tokens: Shorter texts may be on both sides.
            split: The split to cut from.
            images: Gives the contents of the images of some rows, by their
                numbers; None: the files in ``root``.

        Returns:
            New records in the same order.

        Raises:
            FileNotFoundError: An image is missing.
            ValueError: As for :meth:`rows`.
        """
        result = list(records)
        for row in self.chosen(records, root, min_tokens, split, images):
            result[row] = dataclasses.replace(result[row], split='val')
        return result

    def chosen(self, records: Sequence[PairRecord],
               root: Optional[Path] = None,
               min_tokens: int = 0,
               split: str = 'train',
               images: Optional[Callable[[list[int]], Contents]] = None
               ) -> list[int]:
        """Number the rows that :meth:`records` moves, in ascending order.

        It takes the same arguments.

        Raises:
            FileNotFoundError, ValueError: As there.
        """
        if not self.fraction and self.fold is None:
            return []
        numbers = [number for number, record in enumerate(records)
                   if record.split == split]
        pairs = [records[number] for number in numbers]
        chosen = self.rows(
            [record.classes or None for record in pairs],
            text_contents(pairs, min_tokens),
            images(numbers) if images else image_contents(pairs, root))
        return [numbers[row] for row in chosen]
