"""Sum up a benchmark: figures, intervals, tests and ranks of methods."""
from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Optional

import numpy as np
from scipy.stats import t as student

from ..evaluation.comparison import LEVEL
from ..evaluation.statistics import (
    bootstrap_means,
    holm,
    interval,
    paired_randomisation,
)
from .fitting import BASELINES
from .spaces import distinctive

Record = Mapping[str, Any]


def tables(records: Sequence[Record]) -> list[dict[str, Any]]:
    """Sum up records, one table for each set and label budget.

    Args:
        records: Of :func:`~chtn_plugin.studies.benchmark.run_benchmark`, of
            one set or several.

    Returns:
        For each table ``set``, ``labels``, ``unseen``, ``rows`` (the best
        first), ``words`` (who is ahead) and ``tests`` (how many tests were
        corrected for). A row has ``method``, ``draws``, ``i2t``, ``t2i``,
        ``mean``, ``over_draws`` (half of the 95 % interval of the mean over
        draws, by Student's t; None for one draw), ``over_queries`` (95 %
        bootstrap, low and high), ``pair_hit@1``, ``pair_hit@10``,
        ``accuracy_image``, ``accuracy_text``, ``seconds``, ``numbers``,
        ``setting`` (the most frequent) and ``p`` (against the best, after
        correction; None for the best and for baselines); or ``error``.
    """
    groups: dict[tuple, dict[str, list[Record]]] = {}
    for record in records:
        key = record['set'], record['labels'], record['unseen']
        groups.setdefault(key, {}).setdefault(record['method'], []).append(
            record)
    return [_table(key, by_method) for key, by_method in groups.items()]


def _table(key: tuple, by_method: Mapping[str, Sequence[Record]]
           ) -> dict[str, Any]:
    rows = [_row(method, records) for method, records in by_method.items()]
    rows.sort(key=lambda row: -row.get('mean', -1))
    tested = {row['method']: [r for r in by_method[row['method']]
                              if r['kind'] == 'test'] for row in rows}
    ranked = [row for row in rows if 'mean' in row
              and row['method'] not in BASELINES]
    any_test = next((r for records in tested.values() for r in records), {})
    table = dict(set=key[0], labels=key[1], unseen=key[2], rows=rows,
                 labelled=any_test.get('labelled'),
                 unlabelled=any_test.get('unlabelled'),
                 test=any_test.get('test'), tests=max(0, len(ranked) - 1))
    table['words'] = _compare(ranked, tested)
    return table


def _row(method: str, records: Sequence[Record]) -> dict[str, Any]:
    done = sorted((r for r in records if r['kind'] == 'test'),
                  key=lambda record: record['draw'])
    errors = [r for r in records if r['kind'] == 'error']
    if not done:
        return dict(method=method, error=errors[0]['error'])
    row: dict[str, Any] = dict(method=method, draws=len(done), p=None)
    for name in ('i2t', 't2i', 'mean', 'pair_hit@1', 'pair_hit@10',
                 'seconds', 'numbers', 'accuracy_image', 'accuracy_text'):
        values = [r[name] for r in done]
        row[name] = None if None in values else float(np.mean(values))
    means = np.array([r['mean'] for r in done])
    row['over_draws'] = None if len(done) < 2 else float(
        student.ppf(.975, len(done) - 1) * means.std(ddof=1)
        / np.sqrt(len(done)))
    queries = _queries(done)
    row['over_queries'] = (None if queries is None else
                           list(interval(bootstrap_means(queries))))
    row['setting'] = Counter(r['setting'] for r in done).most_common(1)[0][0]
    row['failed'] = len(errors)
    return row


def _queries(records: Sequence[Record]) -> Optional[np.ndarray]:
    """AP of each pair as query, both directions and all draws meaned, (Q,).

    None where draws have other queries, as with unseen classes.
    """
    if len({len(r['ap'][d]) for r in records for d in ('i2t', 't2i')}) > 1 \
            or records[0]['unseen'] is not None:
        return None
    return np.mean([r['ap'][d] for r in records for d in ('i2t', 't2i')],
                   axis=0)


def _compare(ranked: list[dict[str, Any]],
             tested: Mapping[str, Sequence[Record]]) -> str:
    """Test the best against each other; fill in ``p``; say it in words."""
    if len(ranked) < 2:
        return 'There is nothing to compare.'
    best, others = ranked[0], ranked[1:]
    p_values = []
    for row in others:
        one, other = (_queries(tested[name]) for name in (
            best['method'], row['method']))
        # Unseen classes have other queries in each draw: draws alone tell.
        over_queries = (0. if one is None or other is None else
                        paired_randomisation([one - other]))
        p_values.append(max(over_queries, _over_draws(
            tested[best['method']], tested[row['method']])))
    for row, p in zip(others, holm(p_values), strict=True):
        row['p'] = p
    level = [row['method'] for row in others if row['p'] >= LEVEL]
    if not level:
        return (f'{best["method"]} is ahead of every other method '
                f'(p < {LEVEL:g} after correction).')
    return (f'No winner is established among {best["method"]} and '
            f'{", ".join(level)}.'
            + (f' {best["method"]} is ahead of the others (p < {LEVEL:g} '
               'after correction).' if len(level) < len(others) else ''))


def _over_draws(one: Sequence[Record], other: Sequence[Record]) -> float:
    """p of a paired t test over the draws that both have.

    What has a single draw, as a closed form with all labels, is the same in
    each, and stands beside all draws of the other; 0 where both have one: the
    test over queries stands alone. With unseen classes each draw is another
    test, and one draw stands for no other.
    """
    by_draw = [{r['draw']: r['mean'] for r in records}
               for records in (one, other)]
    if one[0]['unseen'] is None:
        draws = set(by_draw[0]) | set(by_draw[1])
        by_draw = [means if len(means) > 1 else
                   dict.fromkeys(draws, *means.values())
                   for means in by_draw]
        if len(draws) == 1:
            return 0.
    shared = sorted(set(by_draw[0]) & set(by_draw[1]))
    if len(shared) < 2:
        return 1.
    differences = np.array([by_draw[0][d] - by_draw[1][d] for d in shared])
    spread = differences.std(ddof=1)
    if not spread:
        return 1. if not differences.any() else 0.
    ratio = abs(differences.mean()) / spread * np.sqrt(len(shared))
    return float(2 * student.sf(ratio, len(shared) - 1))


def mean_ranks(all_tables: Sequence[Mapping[str, Any]]
               ) -> dict[str, dict[str, float]]:
    """Average the rank of each method over the sets, by label budget.

    Only methods that every set of a budget has are ranked, and only where
    there are two sets at least.
    """
    by_labels: dict[str, list[list[str]]] = {}
    for table in all_tables:
        by_labels.setdefault(table['labels'], []).append(
            [row['method'] for row in table['rows'] if 'mean' in row
             and row['method'] not in BASELINES])
    result: dict[str, dict[str, float]] = {}
    for labels, orders in by_labels.items():
        if len(orders) < 2:
            continue
        common = set(orders[0]).intersection(*orders[1:])
        ranks = {name: float(np.mean([
            [m for m in order if m in common].index(name) + 1
            for order in orders])) for name in common}
        result[labels] = dict(sorted(ranks.items(), key=lambda i: i[1]))
    return result


def overview(all_tables: Sequence[Mapping[str, Any]]
             ) -> dict[str, tuple[list[str], list[list[str]]]]:
    """Lay the mean MAP of each method on each set side by side.

    Returns:
        By label budget, where there are two sets at least: the sets, and a
        row a method, its name and a cell a set. † marks the best of a set
        and what is not established to be behind it. Methods that all sets
        have come first, the highest mean before the others.
    """
    by_labels: dict[str, dict[str, Mapping[str, Any]]] = {}
    for table in all_tables:
        by_labels.setdefault(table['labels'], {})[table['set']] = {
            row['method']: row for row in table['rows'] if 'mean' in row}
    result = {}
    for labels, by_set in by_labels.items():
        if len(by_set) < 2:
            continue
        names = dict.fromkeys(name for rows in by_set.values()
                              for name in rows)
        found = {name: [rows.get(name) for rows in by_set.values()]
                 for name in names}
        ranked = sorted(found, key=lambda name: (
            found[name].count(None),
            -np.mean([row['mean'] for row in found[name] if row])))
        result[labels] = list(by_set), [
            [name, *map(_marked, found[name])] for name in ranked]
    return result


def _marked(row: Optional[Mapping[str, Any]]) -> str:
    if row is None:
        return ''
    ahead = row['method'] not in BASELINES and (
        row['p'] is None or row['p'] >= LEVEL)
    return three(row['mean']) + ('†' if ahead else '')


def three(value: Optional[float]) -> str:
    """Write three decimals, without the zero before the point."""
    if value is None:
        return ''
    text = f'{value:.3f}'
    return text[1:] if text.startswith('0.') else text


def setting_in_words(method: str, text: str) -> str:
    """Write a setting as ``name=value, ...``; ``as it comes`` if empty.

    What all settings of the method's space have in common is left out.

    Args:
        method: Its name.
        text: The setting as JSON.
    """
    def word(key: str, value: Any) -> str:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            value = f'{value:g}'
        return f'{key.split(".")[-1]}={value}'

    return ', '.join(word(*item) for item in distinctive(
        method, json.loads(text)).items()) or 'as it comes'
