"""Compute expected values where a cut-off falls inside a tied group.

Only here is the mean over the orders of tied items not linear; such groups
are few (at most one a query), so each is worked out on its own.
"""
from __future__ import annotations

from functools import lru_cache

import numpy as np

from .rank_table import RankTable


def expected_over_hits(table: RankTable, terms: np.ndarray,
                       above: np.ndarray, value: np.ndarray) -> None:
    """Compute expected AP / hits of queries whose cut splits a tied group.

    The j relevant items that the t places above the cut receive are
    hypergeometric; given j, they fall on any of those places alike.

    Args:
        table: Ranks of the relevant items of Q queries.
        terms: Expected sum of precisions of each group, (T,).
        above: Items of each group above the cut, (T,).
        value: Receives the expected values of these queries, (Q,).
    """
    split = np.flatnonzero((above > 0) & (above < table.size))
    query = np.searchsorted(table.offsets, split, 'right') - 1
    for at, q in zip(split, query, strict=True):
        n, r, t = (int(x[at]) for x in (table.size, table.hits, above))
        base = terms[table.offsets[q]:at].sum()
        had, a = int(table.hits_before[at]), int(table.before[at])
        places = np.arange(t)
        j = np.arange(max(0, r - (n - t)), min(r, t) + 1)
        slope = (j - 1) / max(t - 1, 1)
        precisions = (had + 1 + np.outer(slope, places)) / (a + 1 + places)
        total = base + j / t * precisions.sum(1)
        mean = np.divide(total, had + j, out=np.zeros(len(j)),
                         where=had + j > 0)
        chance = np.exp(_log_choose(t, j) + _log_choose(n - t, r - j)
                        - _log_choose(n, np.array([r])))
        value[q] = (chance * mean).sum()


def expected_first_relevant(table: RankTable, taken: np.ndarray,
                            terms: np.ndarray) -> None:
    """Compute expected precisions of a split group's first relevant items.

    The j-th of r relevant among n tied items stands at place i with
    probability C(i - 1, j - 1) C(n - i, r - j) / C(n, r).

    Args:
        table: Ranks of the relevant items of Q queries.
        taken: Relevant items of each group that count, (T,).
        terms: Receives the expected sums of these groups, (T,).
    """
    for at in np.flatnonzero((taken > 0) & (taken < table.hits)):
        n, r = int(table.size[at]), int(table.hits[at])
        had, a = int(table.hits_before[at]), int(table.before[at])
        total = 0.
        for j in range(1, int(taken[at]) + 1):
            total += (had + j) * _mean_inverse_rank(n, r, j, a)
        terms[at] = total


@lru_cache(maxsize=2**14)  # chance asks for the same ones at each cut
def _mean_inverse_rank(n: int, r: int, j: int, a: int) -> float:
    """Mean of 1 / rank of the j-th of r relevant among n tied items.

    Places past which the probability is nothing are left out.
    """
    total, last = 0., n - r + j
    step = max(64, 2 * j * n // r)
    for start in range(j, last + 1, step):
        i = np.arange(start, min(start + step, last + 1))
        chance = np.exp(_log_choose(i - 1, np.array([j - 1]))
                        + _log_choose(n - i, np.array([r - j]))
                        - _log_choose(n, np.array([r])))
        total += (chance / (a + i)).sum()
        # Far beyond the mode each is less than the one before it.
        if i[-1] > j * (n + 1) / (r + 1) and chance[-1] * n < 1e-20:
            break
    return float(total)


def _log_choose(n: int | np.ndarray, k: np.ndarray) -> np.ndarray:
    """Logarithm of the binomial coefficient, elementwise."""
    n = np.asarray(n)
    most = int(n.max(initial=1))
    table = _log_factorials(1 << most.bit_length())
    return table[n] - table[k] - table[n - k]


@lru_cache(maxsize=4)
def _log_factorials(count: int) -> np.ndarray:
    """Logarithms of 0!, 1!, ..., ``count``!."""
    steps = np.log(np.arange(1, count + 1, dtype=np.longdouble))
    return np.concatenate([[0], np.cumsum(steps)])
