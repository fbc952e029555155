"""Intervals and tests over queries."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

RESAMPLES = 2000
SIGN_FLIPS = 10_000
_AT_ONCE = 2**22


def bootstrap_means(values: np.ndarray, resamples: int = RESAMPLES,
                    seed: int = 0) -> np.ndarray:
    """Means of samples drawn from the queries with replacement, (S,).

    Args:
        values: Value of each query, (Q,).
        resamples: S, samples to draw.
        seed: Equal seeds draw equal samples.
    """
    values = np.asarray(values, dtype=float)
    rng = np.random.default_rng(seed)
    means = np.empty(resamples)
    step = max(1, _AT_ONCE // max(1, len(values)))
    for start in range(0, resamples, step):
        stop = min(start + step, resamples)
        drawn = rng.integers(0, len(values), (stop - start, len(values)))
        means[start:stop] = values[drawn].mean(1)
    return means


def interval(samples: np.ndarray, level: float = .95
             ) -> tuple[float, float]:
    """Middle part of the samples, as (low, high)."""
    low, high = np.quantile(samples, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def paired_randomisation(differences: Sequence[np.ndarray],
                         flips: int = SIGN_FLIPS, seed: int = 0) -> float:
    """Two-sided p of a mean difference, by swapping systems at random.

    If two systems were alike, each query's difference could as well have
    had the other sign. All signs are tried where that is less work.

    Args:
        differences: Values of one system minus the other's, query by query,
            as arrays (Q,); several arrays (directions) count alike, and are
            swapped independently.
        flips: Random assignments of signs.
        seed: Equal seeds draw equal signs.

    Returns:
        Share of the assignments, the given one included, whose mean is at
        least as far from 0.
    """
    weighted = np.concatenate([np.asarray(d, dtype=float) / len(d)
                               for d in differences])
    weighted = weighted[weighted != 0]
    count = len(weighted)
    if not count:
        return 1.
    seen = abs(weighted.sum())
    enough = seen * (1 - 1e-12)  # sums in another order differ a little
    if 2**count <= flips:
        every = 1 - 2 * (np.arange(2**count)[:, None]
                         >> np.arange(count) & 1)
        return float((abs(every @ weighted) >= enough).mean())
    rng = np.random.default_rng(seed)
    as_far, step = 0, max(1, _AT_ONCE // count)
    for start in range(0, flips, step):
        rows = min(step, flips - start)
        signs = 1. - 2. * rng.integers(0, 2, (rows, count), dtype=np.int8)
        as_far += int((abs(signs @ weighted) >= enough).sum())
    return (as_far + 1) / (flips + 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's correction: p values that hold for all tests together."""
    order = np.argsort(p_values, kind='stable')
    corrected, least = np.empty(len(p_values)), 0.
    for place, at in enumerate(order.tolist()):
        least = max(least, min(1., p_values[at] * (len(p_values) - place)))
        corrected[at] = least
    return corrected.tolist()
