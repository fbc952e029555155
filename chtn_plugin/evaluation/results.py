"""Write figures to a file and a table, always with their protocol."""
from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Optional

import numpy as np

from chtn_plugin.storage.arrays import SUFFIXES as ARRAY_SUFFIXES
from chtn_plugin.storage.files import atomic_write
from chtn_plugin.version import __version__

from .scoring import Score
from .statistics import RESAMPLES, bootstrap, interval

SCHEMA = 'chtn_plugin.results/1'
RESULTS_NAME = 'results.json'
Results = dict[str, Any]


def make_results(scores: Sequence[Score],
                 classes: Sequence[str] = (),
                 meta: Optional[dict[str, Any]] = None,
                 resamples: int = RESAMPLES,
                 seed: int = 0) -> Results:
    """Collect figures with intervals, and the value of every query.

    Layout: ``schema``; ``meta``; ``figures``, a list of ``protocol``,
    ``direction``, ``value``, ``interval`` (95 % bootstrap over queries, low
    and high), ``chance``, ``tie_share``, ``queries``, ``unanswerable``,
    ``gallery``, ``per_class`` and ``curve``, with a line of direction
    ``mean`` where i2t and t2i were both scored; ``queries``, the ids of each
    direction; ``per_query``, by protocol and direction the value of each
    query, null where nothing is relevant; ``weights``, the share of each
    query in the figure of a macro protocol. ``unanswerable`` counts the
    queries left out, of which ``unlabelled`` have no class (or partner) at
    all; ``lower_is_better`` is true for ranks. ``asked`` gives for
    each protocol the name that was asked for, which lacks the similarity
    where that was the embeddings' own.

    Args:
        scores: What :func:`score_embeddings` returned.
        classes: Class names.
        meta: What else to keep.
        resamples: Bootstrap samples. 0: no intervals.
        seed: Seed of the samples.
    """
    figures: list[dict[str, Any]] = []
    per_query: dict[str, dict[str, list]] = {}
    queries: dict[str, list] = {}
    weights: dict[str, dict[str, list]] = {}
    asked = {score.protocol.name: score.asked for score in scores}
    by_protocol: dict[str, dict[str, Score]] = {}
    for score in scores:
        by_protocol.setdefault(score.protocol.name, {})[
            score.direction] = score
    drawn = _Samples(resamples, seed)
    for directions in by_protocol.values():
        for score in directions.values():
            drawn.want(score)
        if {'i2t', 't2i'} <= set(directions):
            drawn.want_mean(directions['i2t'], directions['t2i'])
    drawn.draw()
    for name, directions in by_protocol.items():
        for direction, score in directions.items():
            figures.append(_figure(score, drawn.of(name, direction), classes))
            queries[_ids_key(score)] = _plain(score.query_ids)
            per_query.setdefault(name, {})[direction] = _plain(score.values)
            if score.protocol.macro:
                weights.setdefault(name, {})[direction] = (
                    _macro_weights(score).tolist())
        if {'i2t', 't2i'} <= set(directions):
            figures.append(_mean_figure(directions['i2t'], directions['t2i'],
                                        drawn.of(name, 'mean')))
    return dict(schema=SCHEMA, version=__version__, meta=meta or {},
                figures=figures, queries=queries, per_query=per_query,
                weights=weights, asked=asked)


def write_results(path: str | Path, results: Results) -> None:
    """Write results as JSON, whole or not at all."""
    with atomic_write(path, 'w', encoding='utf-8') as file:
        json.dump(results, file, default=str, allow_nan=False)
        file.write('\n')


def read_results(path: str | Path) -> Results:
    """Read what :func:`write_results` wrote.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds something else.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'results not found: {path}')
    try:
        results = json.loads(path.read_text(encoding='utf-8'))
    except ValueError as error:
        raise ValueError(
            'results must be a JSON file that tools/test.py or tools/score.py'
            f' wrote: {path} is no JSON ({error})' + (
                '. Score embeddings first: python tools/score.py '
                f'{path} --out results.json' if path.suffix in ARRAY_SUFFIXES
                else '')) from None
    if not isinstance(results, dict) or results.get('schema') != SCHEMA:
        raise ValueError(f'{path} must hold results of schema {SCHEMA}')
    return results


def format_results(results: Results) -> str:
    """Write the figures as a table for the screen."""
    rows = [('protocol', 'dir', 'value', '95 % interval', 'chance', 'tied',
             'queries', 'left out')]
    for f in results['figures']:
        rows.append((
            f['protocol'], f['direction'], shown_value(f, f['value']),
            ' '.join(shown_value(f, end) for end in f['interval'])
            if f['interval'] else '-',
            shown_value(f, f['chance']), f'{f["tie_share"]:.2%}',
            str(f['queries']), str(f['unanswerable'])))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return '\n'.join('  '.join(
        cell.ljust(width) if at < 2 else cell.rjust(width)
        for at, (cell, width) in enumerate(zip(row, widths, strict=True))
    ).rstrip() for row in rows)


class _Samples:
    """Bootstrap samples of many figures.

    Values of equally many queries are drawn together, once for all figures:
    so an image and its text are resampled together, too.

    Args:
        resamples: Samples to draw. 0: none.
        seed: Seed of the samples.
    """

    def __init__(self, resamples: int, seed: int) -> None:
        self.resamples, self.seed = resamples, seed
        self._wanted: dict[tuple[str, str],
                           list[tuple[tuple[int, int], int]]] = {}
        self._rows: dict[tuple[int, int], list[np.ndarray]] = {}
        self._median: dict[tuple[int, int], list[bool]] = {}
        self._drawn: dict[tuple[int, int], np.ndarray] = {}

    def want(self, score: Score) -> None:
        """Note the values of a figure."""
        key = score.protocol.name, score.direction
        median = score.protocol.formula.median
        self._wanted[key] = []
        if not score.protocol.macro:
            self._add(key, score.values[score.answered], 0, median)
            return
        # Drawn within each class, so that none runs empty.
        for at, (_, member) in enumerate(score.members()):
            self._add(key, score.values[member & score.answered], at, median)

    def want_mean(self, i2t: Score, t2i: Score) -> None:
        """Note the values of the figure of both directions."""
        name, formula = i2t.protocol.name, i2t.protocol.formula
        both = paired_mean(i2t.query_ids, t2i.query_ids, i2t.values,
                           t2i.values)
        self._wanted[name, 'mean'] = []
        if both is None or i2t.protocol.macro or formula.median:
            return  # the mean of the directions' samples
        if i2t.answered.any() and t2i.answered.any():
            self._add((name, 'mean'), both, 0, False)

    def _add(self, key: tuple[str, str], values: np.ndarray, at: int,
             median: bool) -> None:
        if not self.resamples or not len(values):
            return
        group = len(values), self.seed + at
        rows = self._rows.setdefault(group, [])
        self._wanted[key].append((group, len(rows)))
        rows.append(values)
        self._median.setdefault(group, []).append(median)

    def draw(self) -> None:
        """Draw all samples."""
        for group, rows in self._rows.items():
            self._drawn[group] = bootstrap(
                np.stack(rows), self.resamples, group[1],
                np.array(self._median[group]))

    def of(self, name: str, direction: str) -> Optional[np.ndarray]:
        """Samples of a figure, (S,); None if it has no value."""
        means = [self._drawn[group][row]
                 for group, row in self._wanted[name, direction]]
        if means:
            return np.mean(means, axis=0)
        if direction != 'mean':
            return None
        a, b = self.of(name, 'i2t'), self.of(name, 't2i')
        return None if a is None or b is None else (a + b) / 2


def _macro_weights(score: Score) -> np.ndarray:
    """Share of each query in a mean over classes, (Q,)."""
    weights, classes = np.zeros(len(score.values)), 0
    for _, member in score.members():
        counted = member & score.answered
        if counted.any():
            weights[counted] += 1 / counted.sum()
            classes += 1
    return weights / max(1, classes)


def _figure(score: Score, samples: Optional[np.ndarray],
            classes: Sequence[str]) -> dict[str, Any]:
    named = {class_name(key, classes): value
             for key, value in score.by_class().items()}
    return dict(
        protocol=score.protocol.name, summary=score.protocol.summary,
        direction=score.direction, value=_number(score.value),
        interval=None if samples is None else list(interval(samples)),
        chance=_number(score.chance_value), tie_share=score.tie_share,
        queries=int(score.answered.sum()),
        unanswerable=int((~score.answered).sum()),
        unlabelled=score.unlabelled,
        lower_is_better=score.protocol.formula.lower_is_better,
        gallery=score.gallery,
        ids=_ids_key(score), per_class=named, curve=score.curve)


def _mean_figure(i2t: Score, t2i: Score, samples: Optional[np.ndarray]
                 ) -> dict[str, Any]:
    answered = i2t.answered.sum() + t2i.answered.sum()
    counts = [s.answered.sum() + (~s.answered).sum() for s in (i2t, t2i)]
    return dict(
        protocol=i2t.protocol.name, summary=i2t.protocol.summary,
        direction='mean', value=_number((i2t.value + t2i.value) / 2),
        interval=None if samples is None else list(interval(samples)),
        chance=_number((i2t.chance_value + t2i.chance_value) / 2),
        tie_share=(i2t.tie_share + t2i.tie_share) / 2,
        queries=int(answered), unanswerable=int(sum(counts) - answered),
        unlabelled=i2t.unlabelled + t2i.unlabelled,
        lower_is_better=i2t.protocol.formula.lower_is_better,
        gallery=None, ids=None, per_class={}, curve={})


def class_name(label: int | str, classes: Sequence[str]) -> str:
    """Name of a class number, which counts from 0 in the class names."""
    if isinstance(label, int) and 0 <= label < len(classes):
        return classes[label]
    return str(label)


def paired_mean(ids_a: Sequence | np.ndarray, ids_b: Sequence | np.ndarray,
                a: np.ndarray, b: np.ndarray) -> Optional[np.ndarray]:
    """Average both directions per pair, where queries are pairs, (Q,).

    None where the queries of the directions differ. Pairs without relevant
    item are left out.
    """
    if len(ids_a) != len(ids_b) or list(ids_a) != list(ids_b):
        return None
    missing = np.isnan(a)
    if (missing != np.isnan(b)).any():
        return None
    return ((a + b) / 2)[~missing]


def _ids_key(score: Score) -> str:
    """Queries are the same for one source and split."""
    split = score.protocol.split
    return score.direction[0] + (f'/{split}' if split else '')


def _plain(values: np.ndarray) -> list:
    return [None if isinstance(v, float) and math.isnan(v) else v
            for v in values.tolist()]


def _number(value: float) -> Optional[float]:
    return None if math.isnan(value) else float(value)


def shown_value(figure: dict[str, Any], value: Optional[float]) -> str:
    """Format a figure: four digits of a share, one of a rank."""
    if value is None:
        return '-'
    return f'{value:.1f}' if figure.get('lower_is_better') else f'{value:.4f}'
