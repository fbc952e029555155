"""Average precision and its relatives, each a plain function of ranks."""
from __future__ import annotations

from functools import lru_cache
from typing import Optional

import numpy as np

from .rank_table import RankTable
from .tied_cut import expected_first_relevant, expected_over_hits

Cut = Optional[int | np.ndarray]


def average_precision(table: RankTable,
                      cut: Cut = None,
                      divide_by: str = 'relevant',
                      expected: bool = False) -> np.ndarray:
    r"""Average precision of each query.

    .. math::
        \frac{1}{Z} \sum_{i \le k,\ i\ \text{relevant}}
        \frac{\text{relevant in the top } i}{i}

    with Z all relevant items of the gallery (``'relevant'``), the smaller of
    those and the cut (``'min'``), or the relevant items found above the cut
    (``'hits'``; 0 where there is none).

    A tied group counts as one: each of its relevant items has the precision
    at the group's end, and of a group across the cut counts the share above
    it. Without a cut that is scikit-learn's ``average_precision_score``. If
    ``expected``, the value is instead the mean over all orders of the tied
    items, in closed form (McSherry and Najork, ECIR 2008).

    Args:
        table: Ranks of the relevant items of Q queries.
        cut: Ranks that count: a number, one number a query (Q,), or None
            for the whole ranking.
        divide_by: ``'relevant'``, ``'min'`` or ``'hits'``.
        expected: Average over the orders of tied items.

    Returns:
        Values in [0, 1], (Q,); 0 for a query without relevant item, which
        the caller leaves out.
    """
    if divide_by not in ('relevant', 'min', 'hits'):
        raise ValueError('divide_by must be relevant, min or hits, '
                         f'got {divide_by!r}')
    table, above = _above(table, cut)
    if expected:
        terms = _expected_terms(table, above)
    else:
        terms = (_hits_above(table, above)
                 * ((table.hits_before + table.hits)
                    / (table.before + table.size)))
    total = table.sum_groups(terms)
    if divide_by == 'hits':
        hits = table.sum_groups(_hits_above(table, above))
        value = _divide(total, hits)
        if expected:
            expected_over_hits(table, terms, above, value)
        return value
    relevant = table.relevant
    if divide_by == 'min' and cut is not None:
        relevant = np.minimum(relevant, cut)
    return _divide(total, relevant)


def average_precision_of_first(table: RankTable,
                               count: Cut = None,
                               expected: bool = False) -> np.ndarray:
    """Average the precision at the first ``count`` relevant items.

    The divisor is the smaller of ``count`` and the relevant items, so each
    query's value is a mean of as many precisions. Of a tied group that holds
    more relevant items than are wanted, as many as are wanted count.

    Args:
        table: Ranks of the relevant items of Q queries.
        count: Relevant items that count. None: all of them.
        expected: Average over the orders of tied items.

    Returns:
        Values in [0, 1], (Q,).
    """
    limit = table.relevant
    if count is not None:
        limit = np.minimum(limit, count)
        table = table if np.ndim(count) else table.first(int(count))
    taken = np.clip(table.per_group(limit) - table.hits_before, 0,
                    table.hits)
    if expected:
        terms = np.where(taken == table.hits,
                         _expected_terms(table, table.size), 0.)
        expected_first_relevant(table, taken, terms)
    else:
        terms = (taken * ((table.hits_before + table.hits)
                          / (table.before + table.size)))
    return _divide(table.sum_groups(terms), limit)


def precision(table: RankTable, cut: int) -> np.ndarray:
    """Compute the share of the top ``cut`` that is relevant, (Q,).

    Of a tied group across the cut counts the share above it, which is also
    the mean over the orders of tied items. As in trec_eval the divisor stays
    ``cut`` where the gallery is smaller.
    """
    table, above = _above(table, cut)
    return table.sum_groups(_hits_above(table, above)) / cut


def recall(table: RankTable, cut: int) -> np.ndarray:
    """Compute the share of relevant items that the top ``cut`` holds, (Q,)."""
    table, above = _above(table, cut)
    return _divide(table.sum_groups(_hits_above(table, above)),
                   table.relevant)


def hit_rate(table: RankTable, cut: int) -> np.ndarray:
    """Whether the top ``cut`` holds a relevant item, (Q,).

    0 or 1; where a tied group across the cut decides, the probability over
    the orders of tied items. Much work calls this "recall at k".
    """
    table, above = _above(table, cut)
    missed = np.ones(len(table.before))
    missed[above == table.size] = 0.
    for at in np.flatnonzero((above > 0) & (above < table.size)):
        missed[at] = _chance_to_miss(int(table.size[at]),
                                     int(table.hits[at]), int(above[at]))
    worst = np.ones(len(table))
    filled = np.diff(table.offsets) > 0
    if filled.any():
        worst[filled] = np.multiply.reduceat(missed,
                                             table.offsets[:-1][filled])
    return 1. - worst


def first_rank(table: RankTable) -> np.ndarray:
    """Rank of the first relevant item of each query, counted from 1, (Q,).

    Of n tied items r are relevant: the first of them then stands at place
    (n + 1) / (r + 1) of the group, the mean over the orders of tied items.
    0 for a query without relevant item.
    """
    rank = np.zeros(len(table))
    filled = np.diff(table.offsets) > 0
    at = table.offsets[:-1][filled]
    rank[filled] = (table.before[at]
                    + (table.size[at] + 1) / (table.hits[at] + 1))
    return rank


def median_first_rank(relevant: np.ndarray, gallery: int) -> np.ndarray:
    """Compute the median first relevant rank of a random ranking, (Q,).

    Where two ranks split the probability in halves, their mean.

    Args:
        relevant: Relevant items of each query, (Q,).
        gallery: Items in the gallery.
    """
    # Rank r is passed if the r items before it hold none of the relevant.
    ranks = np.arange(1, gallery + 1)
    median = np.full(len(relevant), np.nan)
    for count in np.unique(relevant[relevant > 0]).tolist():
        passed = np.cumprod(np.maximum(gallery - count - ranks + 1, 0)
                            / (gallery - ranks + 1))
        low = int(np.argmax(passed <= .5 + 1e-12))
        high = int(np.argmax(passed < .5 - 1e-12))
        median[relevant == count] = 1 + (low + high) / 2
    return median


def ndcg(table: RankTable, cut: Cut = None) -> np.ndarray:
    """Compute normalised discounted cumulative gain, gains 0 and 1, (Q,).

    The discount of rank i is 1 / log2(i + 1); tied items share the discounts
    of their ranks, which is also the mean over their orders. The ideal puts
    all relevant items first.
    """
    table, above = _above(table, cut)
    discounts = _discount_sums(table.gallery)
    ideal = np.minimum(table.relevant, table.gallery if cut is None else cut)
    single = table.hits / np.log2(table.before + 2.)
    shared = table.hits / table.size * (discounts[table.before + above]
                                        - discounts[table.before])
    terms = np.where(table.size == 1, single * above, shared)
    return _divide(table.sum_groups(terms), discounts[ideal])


def interpolated_precision(table: RankTable, levels: int = 11) -> np.ndarray:
    """Compute the best precision at or beyond each recall level, (Q, L).

    A point of the curve stands at the end of each tied group.

    Args:
        table: Ranks of the relevant items of Q queries.
        levels: Number of levels from recall 0 to 1.
    """
    return table.remember(('interpolated', levels),
                          lambda: _interpolated(table, levels))


def _interpolated(table: RankTable, levels: int) -> np.ndarray:
    curve = np.zeros((len(table), levels))
    some = np.flatnonzero(table.relevant > 0)
    if not len(some):
        return curve
    reached = table.hits_before + table.hits
    at_end = reached / (table.before + table.size)
    # Level j / (L - 1) is reached with ceil(j relevant / (L - 1)) hits, in
    # whole numbers: 0.3 * 10 is not 3 in floating point.
    needed = -(-np.arange(levels) * table.relevant[some, None]
               // max(1, levels - 1))
    count = np.cumsum(table.hits)
    earlier = np.append(0, count)[table.offsets[some], None]
    first = np.searchsorted(count, earlier + np.maximum(needed, 1))
    # The best of each stretch between two levels, then of all beyond.
    best = np.maximum.reduceat(at_end, first.ravel()).reshape(first.shape)
    curve[some] = np.maximum.accumulate(best[:, ::-1], axis=1)[:, ::-1]
    return curve


def _above(table: RankTable, cut: Cut) -> tuple[RankTable, np.ndarray]:
    """Groups that count, and how many items of each stand above the cut."""
    if cut is None:
        return table, table.size
    if np.ndim(cut):
        limit = table.per_group(np.asarray(cut))
        return table, np.clip(limit - table.before, 0, table.size)
    table = table.top(int(cut))
    return table, np.minimum(cut - table.before, table.size)


def _hits_above(table: RankTable, above: np.ndarray) -> np.ndarray:
    if above is table.size:
        return table.hits
    return table.hits * above / table.size


def _divide(total: np.ndarray, by: np.ndarray) -> np.ndarray:
    return np.divide(total, by, out=np.zeros(len(total)), where=by > 0)


def _expected_terms(table: RankTable, above: np.ndarray) -> np.ndarray:
    """Expected sum of precisions at the relevant items of each group, (T,).

    Of n tied items r are relevant; a stand before them and H of those are
    relevant. Position i holds a relevant item with probability r / n, and
    then the i - 1 before it hold (i - 1) (r - 1) / (n - 1) on average.
    """
    terms = ((table.hits_before + table.hits)
             / (table.before + table.size) * above)
    tied = np.flatnonzero((table.size > 1) & (above > 0))
    if len(tied):
        wide = np.longdouble
        a, n = table.before[tied].astype(wide), table.size[tied].astype(wide)
        r, t = table.hits[tied].astype(wide), above[tied].astype(wide)
        slope = (r - 1) / (n - 1)
        sums = _harmonic_sums(table.gallery)
        last = table.before[tied] + above[tied]
        spread = sums[last] - sums[table.before[tied]]
        level = table.hits_before[tied] + 1 - (a + 1) * slope
        terms[tied] = r / n * (slope * t + level * spread)
    return terms


def _chance_to_miss(size: int, hits: int, drawn: int) -> float:
    """Probability that ``drawn`` of ``size`` items hold none of ``hits``."""
    if drawn > size - hits:
        return 0.
    # Both products are equal; the one over fewer factors is cheaper.
    small, large = sorted((hits, drawn))
    steps = np.arange(small)
    return float(np.prod((size - large - steps) / (size - steps)))


@lru_cache(maxsize=4)
def _harmonic_sums(count: int) -> np.ndarray:
    """Sums of 1 / i for i up to 0, 1, ..., ``count``."""
    steps = 1 / np.arange(1, count + 1, dtype=np.longdouble)
    return np.concatenate([[0], np.cumsum(steps)])


@lru_cache(maxsize=4)
def _discount_sums(count: int) -> np.ndarray:
    """Sums of 1 / log2(i + 1) for i up to 0, 1, ..., ``count``."""
    steps = 1 / np.log2(np.arange(2, count + 2, dtype=np.longdouble))
    return np.concatenate([[0], np.cumsum(steps)]).astype(float)
