"""Measure what asking for chosen labels gains over drawing at random."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import softmax

from ..models.pair_teaching import taught_scores
from .fitting import measured
from .label_budgets import LabelBudget
from .label_suggestions import WAYS, Offsets, next_rows, no_offsets
from .pair_features import PairFeatures
from .transfer_table import half_interval

RANDOM = 'random'


def asking_gain(features: PairFeatures, start: int = 1, rounds: int = 3,
                draws: int = 8, ways: Sequence[str] = WAYS,
                offsets: Offsets = no_offsets) -> list[dict[str, Any]]:
    """Label on, round after round, by each way and at random.

    Each draw begins with the same labelled rows for all ways. A round labels
    as many pairs as there are classes times ``start``, whatever their class
    turns out to be, then the pair teacher is solved anew and the test split
    scored.

    Args:
        features: Prepared vectors of a set whose classes are known.
        start: Labels a class to begin with.
        rounds: Times of asking.
        draws: Draws of the first rows.
        ways: Of :data:`~chtn_plugin.studies.label_suggestions.WAYS`.
        offsets: Priors of scores under labels.

    Returns:
        A row a round: ``labels``, and for each way, ``random`` too,
        ``mean`` MAP, ``gain`` over random and ``over_draws``, half of its
        95 % interval.
    """
    classes = features.num_classes
    figures: dict[tuple[str, int], list[float]] = {}
    labels: list[int] = []
    for draw in range(draws):
        first = np.where(features.train, -1, -2)
        rows = LabelBudget(each=start).labelled(features, draw)
        first[rows] = features.label[rows]
        for way in (RANDOM, *ways):
            label = first.copy()
            scores = taught_scores(features.image, features.text, label,
                                   classes, offsets(label), seed=draw)
            for turn in range(rounds):
                rows = _asked(features, label, scores, start * classes, way,
                              (draw, turn))
                label[rows] = features.label[rows]
                scores = taught_scores(features.image, features.text, label,
                                       classes, offsets(label), seed=draw)
                figures.setdefault((way, turn), []).append(
                    _mean_map(features, scores))
                if len(labels) <= turn:
                    labels.append(int((label >= 0).sum()))
    return [dict(labels=labels[turn], **{
        way: _compared(figures[way, turn], figures[RANDOM, turn])
        for way in (RANDOM, *ways)}) for turn in range(rounds)]


def _asked(features: PairFeatures, label: np.ndarray,
           scores: tuple[np.ndarray, np.ndarray], number: int, way: str,
           seed: tuple[int, int]) -> np.ndarray:
    # Rows without a class in the data cannot be asked for here.
    known = np.where((label == -1) & (features.label < 0), -2, label)
    pool = np.flatnonzero(known == -1)
    if way == RANDOM:
        rng = np.random.default_rng((*seed, 5000))
        return rng.choice(pool, min(number, len(pool)), replace=False)
    return next_rows(features, known, scores, number, way)


def _compared(values: Sequence[float], others: Sequence[float]
              ) -> dict[str, Any]:
    gains = np.subtract(values, others)
    return dict(mean=float(np.mean(values)), gain=float(gains.mean()),
                over_draws=half_interval(gains.tolist()))


def _mean_map(features: PairFeatures,
              scores: tuple[np.ndarray, np.ndarray]) -> float:
    test = ~features.train
    vectors = {part: softmax(value[test], 1).astype(np.float32)
               for part, value in zip(('image', 'text'), scores, strict=True)}
    return measured(vectors, features.label[test], 'dot', False)['mean']
