"""The ranks at which the relevant items of each query stand."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

TIE_RULES = ('group', 'stable', 'expected')
_FEW_TIED_SCORES = 32


@dataclass(frozen=True)
class RankTable:
    """Ranks of the relevant items of Q queries, all that any measure needs.

    Items with equal scores form a group. The table lists, query after query
    and best first, the groups that hold at least one relevant item; their
    counts are integers, so every measure computed from them is exact however
    the scores were chunked. T is the number of groups of all queries.

    Attributes:
        offsets: Groups of query q are ``offsets[q]:offsets[q + 1]``, (Q + 1,).
        before: Items of the gallery that score above the group, (T,).
        size: Items in the group, relevant or not, (T,).
        hits: Relevant items in the group, (T,).
        hits_before: Relevant items that score above the group, (T,).
        relevant: Relevant items in the whole gallery, (Q,).
        gallery: Items in the gallery.
    """
    offsets: np.ndarray
    before: np.ndarray
    size: np.ndarray
    hits: np.ndarray
    hits_before: np.ndarray
    relevant: np.ndarray
    gallery: int
    _made: dict[Any, Any] = field(default_factory=dict, init=False,
                                  repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.relevant)

    def per_group(self, per_query: np.ndarray) -> np.ndarray:
        """Repeat a value of each query for each of its groups, (T,)."""
        return np.repeat(per_query, np.diff(self.offsets))

    def sum_groups(self, per_group: np.ndarray) -> np.ndarray:
        """Add up the values of each query's groups, (Q,)."""
        total = np.zeros(len(self))
        filled = np.diff(self.offsets) > 0
        if filled.any():
            total[filled] = np.add.reduceat(per_group,
                                            self.offsets[:-1][filled])
        return total

    def remember(self, key: Any, make: Callable[[], Any]) -> Any:
        """Return what ``make`` gives, made once for several measures."""
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    def top(self, cut: int) -> RankTable:
        """Keep the groups that reach into the first ``cut`` ranks."""
        return self.remember(
            ('top', cut), lambda: self._with_groups(self.before < cut))

    def first(self, count: int) -> RankTable:
        """Keep the groups of each query's first ``count`` relevant items."""
        return self.remember(
            ('first', count),
            lambda: self._with_groups(self.hits_before < count))

    def _with_groups(self, kept: np.ndarray) -> RankTable:
        at = np.flatnonzero(kept)
        if len(at) == len(kept):
            return self
        return replace(self, offsets=np.searchsorted(at, self.offsets),
                       **{name: getattr(self, name)[at] for name in
                          ('before', 'size', 'hits', 'hits_before')})

    def tied_items(self) -> np.ndarray:
        """Count relevant items whose score another item shares, (Q,)."""
        tied = np.flatnonzero(self.size > 1)
        query = np.searchsorted(self.offsets, tied, 'right') - 1
        return np.bincount(query, self.hits[tied], len(self))

    def shuffled(self) -> RankTable:
        """Return the table of a model that gives all items one score."""
        some = self.relevant > 0
        relevant = self.relevant[some]
        return RankTable(np.concatenate([[0], np.cumsum(some)]),
                         np.zeros_like(relevant),
                         np.full_like(relevant, self.gallery), relevant,
                         np.zeros_like(relevant), self.relevant, self.gallery)


def group_ties(before: np.ndarray, size: np.ndarray, offsets: np.ndarray,
               gallery: int) -> RankTable:
    """Make a table from the ranks of single relevant items.

    Args:
        before: Gallery items that score above each relevant item, ascending
            within a query, (P,).
        size: Gallery items with its score, itself included, (P,).
        offsets: Relevant items of query q are
            ``offsets[q]:offsets[q + 1]``, (Q + 1,).
        gallery: Items in the gallery.
    """
    counts = np.diff(offsets)
    hits_before = _places(counts, offsets)
    # Nearly always every item is a group of its own: what merges groups
    # costs nothing then.
    same = before[1:] == before[:-1]
    same[offsets[1:-1][(offsets[1:-1] > 0)
                       & (offsets[1:-1] < len(before))] - 1] = False
    hits = np.ones_like(before)
    merged = np.flatnonzero(same) + 1
    if len(merged):
        kept = np.ones(len(before), dtype=bool)
        kept[merged] = False
        before, size, hits_before, hits = (
            values[kept] for values in (before, size, hits_before, hits))
        # Each merged item is one more hit of the group that is left of it.
        left = merged - np.arange(1, len(merged) + 1)
        np.add.at(hits, left, 1)
        offsets = offsets - np.searchsorted(merged, offsets)
    return RankTable(offsets, before, size, hits, hits_before, counts,
                     gallery)


def _places(counts: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """0, 1, 2, ... for the items of each query, (P,)."""
    places = np.empty(offsets[-1], dtype=np.int64)
    steps = np.arange(counts.max(initial=0))
    if len(counts) > len(places) / 64:  # too few each to copy one by one
        return np.arange(len(places)) - np.repeat(offsets[:-1], counts)
    for start, count in zip(offsets[:-1].tolist(), counts.tolist(),
                            strict=True):
        places[start:start + count] = steps[:count]
    return places


def rank_table(scores: np.ndarray, relevant: np.ndarray,
               ties: str = 'group') -> RankTable:
    """Rank a score matrix held in memory: the plain way, for small work.

    Args:
        scores: Similarities, (Q, G); minus infinity takes an item out.
        relevant: Which items answer which query, boolean, (Q, G).
        ties: ``'stable'`` breaks ties by gallery order; ``'group'`` and
            ``'expected'`` keep tied items together.

    Raises:
        ValueError: The shapes differ, a score is NaN, or the tie rule is
            unknown.
    """
    scores, relevant = np.asarray(scores), np.asarray(relevant, dtype=bool)
    if scores.shape != relevant.shape or scores.ndim != 2:
        raise ValueError('scores and relevant must share a shape (Q, G), got '
                         f'{scores.shape} and {relevant.shape}')
    if np.isnan(scores).any():
        raise ValueError('scores must be numbers, NaN found for query '
                         f'{int(np.isnan(scores).any(1).argmax())}')
    check_tie_rule(ties)
    before, size, counts = [], [], []
    for row, mask in zip(scores, relevant, strict=True):
        row_before, row_size = item_ranks(row, np.flatnonzero(mask))
        if ties == 'stable' and (row_size > 1).any():
            row_before, row_size = stable_ranks(row, np.flatnonzero(mask))
        before.append(row_before)
        size.append(row_size)
        counts.append(len(row_before))
    offsets = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
    empty = np.zeros(0, dtype=np.int64)
    return group_ties(np.concatenate([empty, *before]),
                      np.concatenate([empty, *size]), offsets,
                      scores.shape[1])


def item_ranks(row: np.ndarray,
               wanted: np.ndarray | slice) -> tuple[np.ndarray, np.ndarray]:
    """Count how many items of a row beat, and how many equal, the wanted ones.

    Args:
        row: Scores of one query, (G,).
        wanted: Positions or slice of the relevant items.

    Returns:
        Counts above and counts equal (itself included), both best first.
    """
    ranked = np.sort(row)
    items = np.sort(row[wanted])
    items = items[np.searchsorted(items, -np.inf, 'right'):]
    low = np.searchsorted(ranked, items, 'left')
    high = low + 1
    tied = (high < len(ranked)) & (ranked[np.minimum(high, len(ranked) - 1)]
                                   == items)
    if tied.any():
        high[tied] = np.searchsorted(ranked, items[tied], 'right')
    return (len(ranked) - high)[::-1], (high - low)[::-1]


def stable_ranks(row: np.ndarray,
                 wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Count as :func:`item_ranks`, with ties broken by position in the row."""
    rank = np.empty(len(row), dtype=np.int64)
    rank[np.argsort(-row, kind='stable')] = np.arange(len(row))
    before = np.sort(rank[wanted[row[wanted] > -np.inf]])
    return before, np.ones_like(before)


def file_order_ranks(row: np.ndarray, order: np.ndarray, start: int,
                     stop: int, before: np.ndarray,
                     size: np.ndarray) -> np.ndarray:
    """Break the ties of counted ranks by position in the file.

    Args:
        row: Scores of one query, (G,), in any order of the items.
        order: Position in the file of each of them, (G,).
        start: The relevant items are those from here,
        stop: to here.
        before: Items above each relevant item, best first, (P,).
        size: Items with its score, (P,).

    Returns:
        Items before each relevant item, best first, (P,).
    """
    ranks = before.copy()
    tied = np.flatnonzero(size > 1)
    values = np.sort(row[start:stop])[::-1][tied]
    firsts = np.flatnonzero(np.append(True, values[1:] != values[:-1]))
    if len(firsts) > _FEW_TIED_SCORES:  # cheaper than to look for each
        place = np.empty(len(row), dtype=np.int64)
        place[np.lexsort((order, -row))] = np.arange(len(row))
        return np.sort(place[start:stop])[:len(before)]
    for first, last in zip(firsts, np.append(firsts[1:], len(tied)),
                           strict=True):
        same = np.flatnonzero(row == values[first])
        same = same[np.argsort(order[same])]
        ranks[tied[first:last]] += np.flatnonzero(
            (same >= start) & (same < stop))
    return ranks


def check_tie_rule(ties: str) -> None:
    """Raise ValueError unless ``ties`` is a known rule."""
    if ties not in TIE_RULES:
        raise ValueError(f'ties must be one of {", ".join(TIE_RULES)}, '
                         f'got {ties!r}')
