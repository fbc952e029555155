"""Compare methods over seeds and queries, with intervals and tests."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, Optional

import numpy as np

from .method_results import named_alike
from .protocols import Formula, get_protocol
from .results import Results, paired_mean, shown_value
from .statistics import (
    RESAMPLES,
    SIGN_FLIPS,
    bootstrap,
    bootstrap_means,
    holm,
    interval,
    paired_randomisation,
    paired_randomisation_of_medians,
)

SCHEMA = 'chtn_plugin.comparison/1'
LEVEL = .05


def compare_methods(methods: Mapping[str, Sequence[Results]],
                    protocols: Optional[Sequence[str]] = None,
                    resamples: int = RESAMPLES,
                    flips: int = SIGN_FLIPS,
                    seed: int = 0) -> dict[str, Any]:
    """Compare methods query by query.

    Every method's queries must be the same. A query's value is its mean over
    the method's seeds. Intervals are 95 % bootstraps over queries; p values
    come from the paired randomisation test, and Holm's correction covers
    all tests of the comparison together. Where a formula takes the median
    over queries, so do intervals and tests. Methods whose models are made
    for different similarities are compared under the protocol that all were
    asked for; ``used`` names what each was scored with.

    Args:
        methods: Results of each method, one per seed.
        protocols: Names of protocols. None: those that all results hold.
        resamples: Bootstrap samples.
        flips: Random assignments of the randomisation test.
        seed: Seed of both.

    Returns:
        ``figures``, one line per protocol, direction and method: ``seeds``,
        ``mean``, ``std`` (over seeds, None for one), ``interval``,
        ``used``; and
        ``pairs``, one per protocol, direction and two methods:
        ``difference``, ``interval``, ``p``, ``p_holm``, ``p_seeds`` (Welch's
        t test over seeds, None for fewer than two), ``established`` and
        ``words``.

    Raises:
        ValueError: A method without results, no common protocol, or other
            queries.
    """
    empty = [name for name, results in methods.items() if not results]
    if empty or not methods:
        raise ValueError('every method needs at least one result, got none '
                         f'for {", ".join(empty) or "any"}')
    methods = named_alike(methods)
    every = [r for results in methods.values() for r in results]
    common = [name for name in every[0]['per_query']
              if all(name in r['per_query'] for r in every)]
    names = common if protocols is None else list(protocols)
    lost = [name for name in names if name not in common]
    if lost or not names:
        raise ValueError('a protocol must be one that all results hold '
                         f'({", ".join(common) or "there is none"}), got '
                         f'{", ".join(lost) or "none"}')
    figures: list[dict[str, Any]] = []
    pairs: list[dict[str, Any]] = []
    for protocol in names:
        for direction in _directions(every, protocol):
            values = {name: _method_values(name, results, protocol,
                                           direction)
                      for name, results in methods.items()}
            _check_same_queries(values, protocol, direction)
            for name, (by_seed, parts, _) in values.items():
                figures.append(dict(
                    protocol=protocol, direction=direction, method=name,
                    used=sorted({r['used'].get(protocol, protocol)
                                 for r in methods[name]}),
                    seeds=len(by_seed), mean=float(np.mean(by_seed)),
                    std=(float(np.std(by_seed, ddof=1))
                         if len(by_seed) > 1 else None),
                    interval=list(interval(_resampled(
                        parts, resamples, seed, _formula(protocol).median))),
                    lower_is_better=_formula(protocol).lower_is_better))
            for a, b in combinations(values, 2):
                pairs.append(_pair(protocol, direction, a, b, values,
                                   resamples, flips, seed))
    for pair, p in zip(pairs, holm([pair['p'] for pair in pairs]),
                       strict=True):
        pair['p_holm'] = p
        _judge(pair)
    return dict(schema=SCHEMA, figures=figures, pairs=pairs,
                tests=len(pairs))


# Figure of each seed; values of the queries, (seeds, Q), one array or one
# per direction; ids.
Values = tuple[list[float], list[np.ndarray], list[list]]


def _formula(protocol: str) -> Formula:
    return get_protocol(protocol).formula


def _directions(results: Sequence[Results], protocol: str) -> list[str]:
    shared = [d for d in results[0]['per_query'][protocol]
              if all(d in r['per_query'][protocol] for r in results)]
    return shared + ['mean'] * ({'i2t', 't2i'} <= set(shared))


def _average(values: np.ndarray, median: bool) -> np.ndarray:
    return np.median(values, axis=-1) if median else values.mean(-1)


def _method_values(name: str, results: Sequence[Results], protocol: str,
                   direction: str) -> Values:
    median = _formula(protocol).median
    by_seed, terms, ids = [], [], []
    for result in results:
        if direction == 'mean':
            parts, its_ids = _mean_terms(result, protocol)
        else:
            part, one = _terms(result, protocol, direction)
            parts, its_ids = [part[~np.isnan(part)]], [one]
        if not all(map(len, parts)):
            raise ValueError(f'{name}: no query of {protocol}, {direction} '
                             'can be answered: there is nothing to compare')
        by_seed.append(float(np.mean([_average(part, median)
                                      for part in parts])))
        terms.append(parts)
        ids.append(its_ids)
    if any(its != ids[0] for its in ids[1:]) or len(
            {tuple(map(len, parts)) for parts in terms}) > 1:
        raise ValueError(f'{name}: all seeds must have the same queries, '
                         f'those of {protocol}, {direction} differ')
    return by_seed, [np.stack(part) for part in
                     zip(*terms, strict=True)], ids[0]


def _terms(result: Results, protocol: str, direction: str
           ) -> tuple[np.ndarray, list]:
    """Numbers of the queries whose mean is the figure, and their ids."""
    values = np.array(result['per_query'][protocol][direction], dtype=float)
    weights = result.get('weights', {}).get(protocol, {}).get(direction)
    if weights is not None:
        values = values * weights * (~np.isnan(values)).sum()
    figure = next(f for f in result['figures'] if f['protocol'] == protocol
                  and f['direction'] == direction)
    return values, result['queries'][figure['ids']]


def _mean_terms(result: Results, protocol: str
                ) -> tuple[list[np.ndarray], list[list]]:
    (i2t, images), (t2i, texts) = (_terms(result, protocol, direction)
                                   for direction in ('i2t', 't2i'))
    together = (None if _formula(protocol).median else
                paired_mean(images, texts, i2t, t2i))
    if together is not None:
        return [together], [images]
    return [i2t[~np.isnan(i2t)], t2i[~np.isnan(t2i)]], [images, texts]


def _check_same_queries(values: Mapping[str, Values], protocol: str,
                        direction: str) -> None:
    first, *rest = values
    for other in rest:
        if values[other][2] != values[first][2] or (
                [p.shape[1] for p in values[other][1]]
                != [p.shape[1] for p in values[first][1]]):
            raise ValueError(
                'methods must be compared on the same queries, those of '
                f'{first} and {other} differ for {protocol}, {direction}')


def _resampled(parts: Sequence[np.ndarray], resamples: int,
               seed: int, median: bool) -> np.ndarray:
    if not median:  # the mean over seeds first, which is less work
        return np.mean([bootstrap_means(part.mean(0), resamples, seed + at)
                        for at, part in enumerate(parts)], axis=0)
    # All parts by the same draws: an image and its text go together.
    return np.mean([bootstrap(part, resamples, seed,
                              np.ones(len(part), dtype=bool)).mean(0)
                    for part in parts], axis=0)


def _pair(protocol: str, direction: str, a: str, b: str,
          values: Mapping[str, Values], resamples: int, flips: int,
          seed: int) -> dict[str, Any]:
    formula = _formula(protocol)
    seeds_a, seeds_b = values[a][0], values[b][0]
    means = [(x.mean(0), y.mean(0)) for x, y in
             zip(values[a][1], values[b][1], strict=True)]
    if formula.median:
        samples = (_resampled(values[a][1], resamples, seed, True)
                   - _resampled(values[b][1], resamples, seed, True))
        p = paired_randomisation_of_medians(means, flips, seed)
    else:
        samples = _resampled([(x - y)[None] for x, y in means], resamples,
                             seed, False)
        p = paired_randomisation([x - y for x, y in means], flips, seed)
    return dict(
        protocol=protocol, direction=direction, a=a, b=b,
        difference=float(np.mean(seeds_a) - np.mean(seeds_b)),
        interval=list(interval(samples)), p=p,
        p_seeds=_welch(seeds_a, seeds_b),
        lower_is_better=formula.lower_is_better)


def _welch(a: Sequence[float], b: Sequence[float]) -> Optional[float]:
    if min(len(a), len(b)) < 2:
        return None
    if np.ptp(a) == 0 and np.ptp(b) == 0:
        return 1. if a[0] == b[0] else 0.
    from scipy.stats import ttest_ind
    return float(ttest_ind(a, b, equal_var=False).pvalue)


def _judge(pair: dict[str, Any]) -> None:
    ahead, behind = pair['a'], pair['b']
    lead, (low, high) = pair['difference'], pair['interval']
    if pair['lower_is_better']:
        lead, low, high = -lead, -high, -low
    if lead < 0:
        ahead, behind = behind, ahead
        lead, low, high = -lead, -high, -low
    size = ('{} [{}, {}], p = {:.4f} after correction'.format(
        *(shown_value(pair, x) for x in (lead, low, high)), pair['p_holm']))
    over_queries = pair['p_holm'] < LEVEL
    over_seeds = pair['p_seeds'] is None or pair['p_seeds'] < LEVEL
    pair['established'] = over_queries and over_seeds
    if not over_queries:
        pair['words'] = (f'no winner is established between {pair["a"]} and '
                         f'{pair["b"]}: {ahead} is ahead by {size}')
    elif not over_seeds:
        pair['words'] = (
            f'no winner is established between {pair["a"]} and {pair["b"]}: '
            f'{ahead} is ahead by {size} over queries, but seeds differ as '
            f'much (p = {pair["p_seeds"]:.4f})')
    else:
        pair['words'] = f'{ahead} is ahead of {behind} by {size}'
        if pair['p_seeds'] is None:
            pair['words'] += '; too few seeds to tell whether others agree'
