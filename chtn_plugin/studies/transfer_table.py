"""Sum up a ladder of labels: figures, net gains, intervals, words."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Optional

import numpy as np
from scipy.stats import t as student

from ..evaluation.statistics import bootstrap_means, interval

Record = Mapping[str, Any]
Runs = dict[int, Record]

#: What a gain is the difference of: its name, with, without. The first that
#: was measured of several counts.
GAINS: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ('target names', ('features, names', ), ('features', )),
    ('source by names', ('features, names, source', ),
     ('features, names', 'features')),
    ('pairs', ('pairs', ), ('features', )),
    ('target names, net of pairs', ('pairs, names', ), ('pairs', )),
    ('source by names, net of pairs', ('pairs, names, source', ),
     ('pairs, names', 'pairs')),
    ('source by names, over shuffled names', ('pairs, names, source', ),
     ('pairs, names, shuffled source', )),
    ('network: pair distance', ('network, pair distance', ), ('network', )),
    ('network: source supervision', ('network, source supervision', ),
     ('network', )),
    ('network: MMD, net of source supervision',
     ('network, source supervision, MMD', ),
     ('network, source supervision', )),
    ('network: pairs', ('network, pairs', ), ('network', )),
    ('network: names, net of pairs', ('network, pairs, names', ),
     ('network, pairs', )),
)
#: The whole recipe, in closed form and in the network: the first measured.
RECIPES = (('in closed form', ('pairs, names, source', 'pairs, names',
                               'pairs')),
           ('in the network', ('network, pairs, names', 'network, pairs')))
_SMALL = .01


def summary(records: Sequence[Record]) -> dict[str, Any]:
    """Sum up the records of a ladder.

    Args:
        records: Of :func:`~chtn_plugin.studies.transfer_ladder.run_ladder`.

    Returns:
        ``rungs``: a dictionary a rung, in the order of labels, with ``rung``,
        ``labelled``, ``unlabelled``, ``steps`` (a row a step: ``step``,
        ``draws``, ``mean``, ``i2t``, ``t2i``, ``over_draws``,
        ``over_queries``, ``accuracy_image``, ``accuracy_text``), ``gains``
        (``gain``, ``mean``, ``over_draws``, ``over_queries``, ``draws``) and
        ``bar`` (``mean``, ``method``). ``label_free``: rows of methods that
        need no label. ``words``: sentences.
    """
    by_rung: dict[str, dict[str, Runs]] = {}
    free: dict[str, Runs] = {}
    for record in records:
        home = (free if record['kind'] == 'free' else
                by_rung.setdefault(record['rung'], {}))
        home.setdefault(record['step'], {})[record['draw']] = record
    rungs = [_rung(name, steps, free) for name, steps in by_rung.items()]
    rungs.sort(key=lambda rung: (rung['labelled'], rung['rung']))
    table = dict(rungs=rungs, label_free=[
        _row(name, runs) for name, runs in free.items()])
    return dict(table, words=words(table))


def _rung(name: str, steps: Mapping[str, Runs], free: Mapping[str, Runs]
          ) -> dict[str, Any]:
    any_run = next(iter(next(iter(steps.values())).values()))
    gains = [_gain(title, with_it, without)
             for title, more, less in GAINS
             if (with_it := _first(steps, more[:1])) is not None
             and (without := _first(steps, less)) is not None]
    bar, method = _bar(steps, free)
    for title, names in RECIPES:
        recipe = _first(steps, names)
        if recipe is not None and bar:
            gains.append(_gain(f'recipe {title}, over the bar', recipe, bar))
    return dict(rung=name, labelled=any_run['labelled'],
                unlabelled=any_run['unlabelled'],
                steps=[_row(step, runs) for step, runs in steps.items()],
                gains=gains, bar=dict(
                    mean=_average([run['mean'] for run in bar.values()]),
                    method=method))


def _first(steps: Mapping[str, Runs], names: Sequence[str]
           ) -> Optional[Runs]:
    return next((steps[name] for name in names if name in steps), None)


def _bar(steps: Mapping[str, Runs], free: Mapping[str, Runs]
         ) -> tuple[Runs, str]:
    """The better, a draw at a time, of semantic matching and no labels."""
    best = max(free, key=lambda name: free[name][0]['mean'], default=None)
    plain = steps.get('features', {})
    if best is None:
        return dict(plain), 'semantic matching'
    one = free[best][0]
    draws = sorted({draw for runs in steps.values() for draw in runs})
    means = {}
    for draw in draws:
        own = plain.get(draw, plain.get(0))
        means[draw] = one if own is None or one['mean'] >= own['mean'] else (
            own)
    ahead = sum(run is one for run in means.values()) * 2 >= len(means)
    return means, best if ahead else 'semantic matching'


def _row(step: str, runs: Runs) -> dict[str, Any]:
    means = [run['mean'] for run in runs.values()]
    row: dict[str, Any] = dict(step=step, draws=len(runs),
                               mean=_average(means),
                               over_draws=half_interval(means))
    for name in ('i2t', 't2i', 'accuracy_image', 'accuracy_text'):
        row[name] = _average([run[name] for run in runs.values()])
    row['over_queries'] = _over_queries(
        [{d: _array(run['ap'][d]) for d in ('i2t', 't2i')}
         for run in runs.values()])
    return row


def _gain(title: str, more: Runs, less: Runs) -> dict[str, Any]:
    """Paired difference; what has one draw alone stands for all."""
    draws = sorted(set(more) | set(less))
    pairs = [(more.get(d, more.get(0) if len(more) == 1 else None),
              less.get(d, less.get(0) if len(less) == 1 else None))
             for d in draws]
    whole = [(one, other) for one, other in pairs
             if one is not None and other is not None]
    values = [one['mean'] - other['mean'] for one, other in whole]
    return dict(
        gain=title, draws=len(values), mean=_average(values),
        over_draws=half_interval(values),
        over_queries=_over_queries(
            [{d: _array(one['ap'][d]) - _array(other['ap'][d])
              for d in ('i2t', 't2i')} for one, other in whole]))


def half_interval(values: Sequence[float]) -> Optional[float]:
    """Half of the 95 % interval of a mean, by Student's t; None for one."""
    if len(values) < 2:
        return None
    spread = np.std(values, ddof=1) / np.sqrt(len(values))
    return float(student.ppf(.975, len(values) - 1) * spread)


def _over_queries(runs: Sequence[Mapping[str, np.ndarray]]
                  ) -> Optional[list[float]]:
    """95 % bootstrap over queries of a mean over draws and directions."""
    if not runs or not all(len(value) for value in runs[0].values()):
        return None
    parts = {d: np.mean([run[d] for run in runs], axis=0)
             for d in ('i2t', 't2i')}
    sizes = {len(value) for value in parts.values()}
    if len(sizes) == 1:  # both directions of a pair are drawn together
        values = np.mean(list(parts.values()), axis=0)
        return list(interval(bootstrap_means(values[~np.isnan(values)])))
    samples = [bootstrap_means(value[~np.isnan(value)], seed=seed)
               for seed, value in enumerate(parts.values())]
    return list(interval(np.mean(samples, axis=0)))


def _array(values: Sequence[Optional[float]]) -> np.ndarray:
    return np.array([np.nan if v is None else v for v in values])


def _average(values: Sequence[Optional[float]]) -> Optional[float]:
    numbers = [value for value in values if value is not None]
    return float(np.mean(numbers)) if numbers else None


def verdict(gain: Mapping[str, Any]) -> str:
    """Say whether a gain is clear of zero over the draws.

    Returns:
        ``'gains'``, ``'loses'`` or ``'is level'``. With one draw the interval
        over queries decides.
    """
    half = gain['over_draws']
    low, high = ((gain['mean'] - half, gain['mean'] + half)
                 if half is not None else
                 gain['over_queries'] or (-np.inf, np.inf))
    return 'gains' if low > 0 else 'loses' if high < 0 else 'is level'


def signed(value: float) -> str:
    """Write a difference, as ``+.043``."""
    text = f'{abs(value):.3f}'
    return ('−' if value < 0 and float(text) else '+') + (
        text[1:] if text.startswith('0.') else text)


def gain_text(gain: Mapping[str, Any]) -> str:
    """Write a gain with its interval over draws."""
    half = gain['over_draws']
    text = signed(gain['mean'])
    return text if half is None else f'{text} ± {signed(half)[1:]}'


def words(table: Mapping[str, Any]) -> list[str]:
    """Say in sentences what helps, what does not, and where it hurts."""
    lines: list[str] = []
    rungs = table['rungs']
    titles = list(dict.fromkeys(gain['gain'] for rung in rungs
                                for gain in rung['gains']))
    for title in titles:
        by_verdict: dict[str, list[str]] = {}
        for rung in rungs:
            for gain in rung['gains']:
                if gain['gain'] == title and (
                        rung['unlabelled'] or 'over the bar' in title
                        or 'pairs' not in title
                        # Of all labels: what the recipe's regression costs.
                        or title == 'network: pairs'):
                    by_verdict.setdefault(verdict(gain), []).append(
                        f'{rung["rung"]} ({gain_text(gain)})')
        if by_verdict:
            lines.append(f'{title[0].upper()}{title[1:]}: ' + '; '.join(
                f'{name} at {", ".join(places)}'
                for name, places in by_verdict.items()) + '.')
    return lines + _hurts(rungs)


def _hurts(rungs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Sentences on accuracy that soft labels cost, and on full labels."""
    lines = []
    for rung in rungs:
        rows = {row['step']: row for row in rung['steps']}
        for less, more in (('features', 'pairs'),
                           ('network', 'network, pairs')):
            if less not in rows or more not in rows:
                continue
            for part in ('image', 'text'):
                one, other = (rows[name][f'accuracy_{part}']
                              for name in (less, more))
                if one - other > _SMALL:
                    lines.append(
                        f'Soft labels hurt the {part}s\' accuracy at '
                        f'{rung["rung"]}: {one:.3f} without ({less}), '
                        f'{other:.3f} with ({more}).')
    if not any('loses' in line or 'hurt' in line for line in lines):
        lost = [f'{gain["gain"]} at {rung["rung"]} ({gain_text(gain)})'
                for rung in rungs for gain in rung['gains']
                if verdict(gain) == 'loses']
        lines.append('It hurts: ' + '; '.join(lost) + '.' if lost else
                     'Nothing of it hurts beyond chance here.')
    return lines
