"""Sum precision-recall curves over queries, exactly, in whole numbers."""
from __future__ import annotations

from typing import Optional

import numpy as np

from .functional import interpolated_precision
from .rank_table import RankTable

# Shares are kept as multiples of this, so that sums do not depend on the
# order in which tiles or ranks come in. Queries up to four million.
_UNIT = 2.**-40
_POINTS = 200


class CurveSums:
    """Sums over queries of the points of a precision-recall curve.

    Args:
        levels: Points of the interpolated curve, at evenly spaced recalls.
            None: the full curve, precision and recall at every rank.
        gallery: Items in the gallery.
    """

    def __init__(self, levels: Optional[int], gallery: int) -> None:
        self.levels = levels
        self.queries = 0
        width = gallery + 1 if levels is None else levels
        # Full curve: hits (row 0) and hits per relevant item (row 1), as
        # differences from rank to rank.
        self.sums = np.zeros((2, width), dtype=np.int64)

    @classmethod
    def of(cls, base: str, gallery: int) -> Optional[CurveSums]:
        """Return empty sums for a formula; None if it has no curve."""
        if base == 'pr-11':
            return cls(11, gallery)
        return cls(None, gallery) if base == 'pr-full' else None

    def include(self, part: CurveSums) -> None:
        """Add the sums of another share of the queries."""
        self.sums += part.sums
        self.queries += part.queries

    def add(self, table: RankTable) -> None:
        """Add the queries of a table that have a relevant item."""
        self.queries += int((table.relevant > 0).sum())
        if self.levels is not None:
            curve = interpolated_precision(table, self.levels)
            self.sums[0] += _whole(curve).sum(0)
            return
        share = table.hits / table.size
        weights = (share, share / table.per_group(table.relevant))
        for row, weight in zip(self.sums, weights, strict=True):
            step = _whole(weight)
            np.add.at(row, table.before, step)
            np.add.at(row, table.before + table.size, -step)

    def points(self) -> dict[str, list[float]]:
        """Return the curve as lists ``recall``, ``precision``, maybe ``rank``.

        The full curve keeps at most 200 ranks, evenly spaced in logarithm.
        """
        queries = max(1, self.queries)
        if self.levels is not None:
            precision = self.sums[0] * _UNIT / queries
            recall = np.linspace(0, 1, self.levels)
            return dict(recall=recall.tolist(),
                        precision=precision.tolist())
        ranks = np.arange(1, self.sums.shape[1])
        hits, recall = (np.cumsum(np.cumsum(row)[:-1] * _UNIT) / queries
                        for row in self.sums)
        kept = np.unique(np.geomspace(1, max(1, len(ranks)), _POINTS)
                         .round().astype(int)) - 1
        kept = kept[kept < len(ranks)]
        return dict(rank=ranks[kept].tolist(),
                    precision=(hits / ranks)[kept].tolist(),
                    recall=recall[kept].tolist())


def _whole(values: np.ndarray) -> np.ndarray:
    return np.rint(values / _UNIT).astype(np.int64)
