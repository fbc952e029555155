"""Confidence intervals and significance tests over queries."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

import numpy as np

RESAMPLES = 2000
SIGN_FLIPS = 10_000
_AT_ONCE = 2**22
_DRAWN_AT_ONCE = 2**19


def bootstrap_means(values: np.ndarray, resamples: int = RESAMPLES,
                    seed: int = 0) -> np.ndarray:
    """Average samples drawn from the queries with replacement, (S,).

    Args:
        values: Value of each query, (Q,).
        resamples: S, samples to draw.
        seed: Equal seeds draw equal samples.
    """
    return bootstrap(np.asarray(values, dtype=float)[None], resamples,
                     seed)[0]


def bootstrap(values: np.ndarray, resamples: int = RESAMPLES, seed: int = 0,
              median: Optional[np.ndarray] = None) -> np.ndarray:
    """Average several values of the same queries, drawn together, (P, S).

    Drawing costs more than averaging; so all values share the samples.

    Args:
        values: P values of each query, (P, Q).
        resamples: S, samples to draw.
        seed: Equal seeds and equal Q draw equal samples.
        median: Which of the values are averaged by their median instead of
            their mean, boolean, (P,). None: none.

    Raises:
        ValueError: ``resamples`` or ``seed`` is negative.
    """
    for name, number in (('resamples', resamples), ('seed', seed)):
        if number < 0:
            raise ValueError(f'{name} of the bootstrap must be 0 or more, '
                             f'got {number}')
    values = np.asarray(values, dtype=float)
    count = values.shape[1]
    if median is None:
        median = np.zeros(len(values), dtype=bool)
    order = np.argsort(values[median], axis=1, kind='stable')
    ranked = np.take_along_axis(values[median], order, 1)
    columns = np.ascontiguousarray(values[~median].T)
    rng = np.random.default_rng(seed)
    averages = np.empty((len(values), resamples))
    step = max(1, _DRAWN_AT_ONCE // max(1, count))
    for start in range(0, resamples, step):
        stop = min(start + step, resamples)
        rows = stop - start
        drawn = rng.integers(0, count, (rows, count))
        drawn += (np.arange(rows) * count)[:, None]
        times = np.bincount(drawn.ravel(), minlength=rows * count).reshape(
            rows, count)
        averages[~median, start:stop] = (times.astype(float) @ columns).T / (
            count)
        for row, its_order, its_values in zip(
                np.flatnonzero(median), order, ranked, strict=True):
            upto = np.cumsum(times[:, its_order], axis=1)
            low = (upto >= (count + 1) // 2).argmax(1)
            high = (upto >= count // 2 + 1).argmax(1)
            averages[row, start:stop] = (its_values[low]
                                         + its_values[high]) / 2
    return averages


def interval(samples: np.ndarray, level: float = .95
             ) -> tuple[float, float]:
    """Return the middle part of the samples, as (low, high)."""
    low, high = np.quantile(samples, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def paired_randomisation(differences: Sequence[np.ndarray],
                         flips: int = SIGN_FLIPS, seed: int = 0) -> float:
    """Compute two-sided p of a mean difference, swapping systems at random.

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
    observed = abs(weighted.sum())
    enough = observed * (1 - 1e-12)  # sums in another order differ a little
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


def paired_randomisation_of_medians(
        pairs: Sequence[tuple[np.ndarray, np.ndarray]],
        flips: int = SIGN_FLIPS, seed: int = 0) -> float:
    """Test as :func:`paired_randomisation`, a difference of medians.

    Signs do not do here: of each query the systems' two values are swapped,
    and the medians taken anew.

    Args:
        pairs: Values of one system and of the other, (Q,) each; several
            pairs (directions) count alike.
        flips: Random assignments.
        seed: Equal seeds draw equal assignments.
    """
    def difference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.median(a, axis=-1) - np.median(b, axis=-1)

    observed = abs(float(np.sum([difference(a, b) for a, b in pairs])))
    if all(np.array_equal(a, b) for a, b in pairs):
        return 1.
    rng = np.random.default_rng(seed)
    as_far = 0
    step = max(1, _DRAWN_AT_ONCE // max(len(a) for a, _ in pairs))
    for start in range(0, flips, step):
        rows = min(step, flips - start)
        total = np.zeros(rows)
        for a, b in pairs:
            swap = rng.integers(0, 2, (rows, len(a)), dtype=np.int8) > 0
            total += difference(np.where(swap, b, a), np.where(swap, a, b))
        as_far += int((abs(total) >= observed * (1 - 1e-12)).sum())
    return (as_far + 1) / (flips + 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p values by Holm, so that they hold for all tests together."""
    order = np.argsort(p_values, kind='stable')
    corrected, least = np.empty(len(p_values)), 0.
    for place, at in enumerate(order.tolist()):
        least = max(least, min(1., p_values[at] * (len(p_values) - place)))
        corrected[at] = least
    return corrected.tolist()
