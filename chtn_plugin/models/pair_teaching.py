"""Solve in closed form what unlabelled pairs teach two regressions."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

import numpy as np
import torch
from scipy.linalg import cho_factor, cho_solve
from scipy.special import softmax

from ..losses.pair_teacher import likeliest_temperature, pair_teacher_targets

#: Labels a class from which temperatures are found on held-out rows.
FEWEST_TO_TEMPER = 3
_FOLDS = 3
Linear = tuple[np.ndarray, np.ndarray]


class SoftRegression:
    r"""Multinomial logistic regression on soft labels, its rows fixed.

    .. math:: \tfrac12 \lVert W \rVert^2 + c \sum_n w_n\,
              \mathrm{CE}(q_n, \mathrm{softmax}(o_n + [x_n, 1] W))

    Steps are Newton's under Boehning's bound of the Hessian (1992,
    https://doi.org/10.1007/BF00048682), accelerated by Nesterov: the bound
    does not depend on W, so one factorisation serves every solution.

    Args:
        rows: (N, D).
        strength: The factor c.
        weight: Of each row, (N,). None: 1 each.
    """

    def __init__(self, rows: np.ndarray, strength: float,
                 weight: Optional[np.ndarray] = None) -> None:
        rows = np.asarray(rows, np.float64)
        # With more numbers than rows, the solution lies in their span.
        self._span: Optional[np.ndarray] = None
        if rows.shape[1] > len(rows):
            left, scale, right = np.linalg.svd(rows, full_matrices=False)
            self._span, rows = right.T, left * scale
        self._rows = np.concatenate([rows, np.ones((len(rows), 1))], 1)
        self._weight = (np.ones(len(rows)) if weight is None
                        else np.asarray(weight, float))
        self._strength = strength
        bound = .5 * strength * (self._rows * self._weight[:, None]
                                 ).T @ self._rows
        self._factor = cho_factor(bound + np.eye(len(bound)))

    def fit(self, target: np.ndarray, offset: np.ndarray | float = 0.,
            start: Optional[np.ndarray] = None, steps: int = 40
            ) -> np.ndarray:
        """Solve for soft labels.

        Args:
            target: (N, C); rows sum to 1.
            offset: Added to the scores, (N, C).
            start: Where to begin, as this returns it. None: at 0.
            steps: How many.

        Returns:
            Weights for :meth:`scores`.
        """
        best = (np.zeros((self._rows.shape[1], target.shape[1]))
                if start is None else start)
        point, pace = best, 1.
        for _ in range(steps):
            error = softmax(self._rows @ point + offset, 1) - target
            slope = point + self._strength * self._rows.T @ (
                self._weight[:, None] * error)
            after = point - cho_solve(self._factor, slope)
            next_pace = (1 + np.sqrt(1 + 4 * pace * pace)) / 2
            point = after + (pace - 1) / next_pace * (after - best)
            best, pace = after, next_pace
        return best

    def scores(self, rows: np.ndarray, solution: np.ndarray,
               offset: np.ndarray | float = 0.) -> np.ndarray:
        """Class scores of any rows, (B, C)."""
        weight, bias = self.linear(solution)
        return rows @ weight + bias + offset

    def linear(self, solution: np.ndarray) -> Linear:
        """Return a solution as weights (D, C) and bias (C,)."""
        weight = (solution[:-1] if self._span is None
                  else self._span @ solution[:-1])
        return weight, solution[-1]


@dataclass(frozen=True)
class Teaching:
    """Settings of the pair teacher in closed form; docs/few_labels.md.

    Attributes:
        strength: Inverse of the regularisation of both regressions.
        weight: Of an unlabelled row; of a labelled one it is 1.
        sharpen: See :func:`pair_teacher_targets`.
        image_vote: Likewise; .5 where temperatures can be found, 1 below.
        rounds: Times of labelling.
    """
    strength: float = 10.
    weight: float = .3
    sharpen: float = 2.
    image_vote: float = .5
    rounds: int = 3


def taught_scores(image: np.ndarray, text: np.ndarray, label: np.ndarray,
                  num_classes: int,
                  offsets: tuple[np.ndarray | float,
                                 np.ndarray | float] = (0., 0.),
                  pairs: bool = True, teaching: Teaching = Teaching(),
                  seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Compute class scores of all rows under :func:`taught_regressions`.

    Args:
        image: See there; likewise the others.
        text: (N, E).
        label: (N,).
        num_classes: Number C.
        offsets: (N, C) each.
        pairs: Whether unlabelled pairs teach.
        teaching: Settings.
        seed: Of the folds.

    Returns:
        (N, C) each, offsets included.
    """
    found = taught_regressions(image, text, label, num_classes, offsets,
                               pairs, teaching, seed)
    scores = [np.asarray(rows, np.float64) @ weight + bias + offset
              for rows, (weight, bias), offset in zip(
                  (image, text), found, offsets, strict=True)]
    return scores[0], scores[1]


def taught_regressions(image: np.ndarray, text: np.ndarray,
                       label: np.ndarray, num_classes: int,
                       offsets: tuple[np.ndarray | float,
                                      np.ndarray | float] = (0., 0.),
                       pairs: bool = True,
                       teaching: Teaching = Teaching(),
                       seed: int = 0) -> tuple[Linear, Linear]:
    """Fit a regression a modality, and let unlabelled pairs teach both.

    The soft labels are those of
    :func:`~chtn_plugin.losses.pair_teacher.pair_teacher_targets`; from three
    labels a class on, both posteriors have the temperature that makes held-out
    labelled rows likeliest, and the picture has ``image_vote`` for the text.

    Args:
        image: Vectors of all rows, (N, D), centred and of mean square 1.
        text: (N, E).
        label: Classes, (N,); -1: an unlabelled pair; -2: a row that takes no
            part, of the test split.
        num_classes: Number C.
        offsets: Priors of the pictures' and of the texts' scores, (N, C).
        pairs: Whether unlabelled pairs teach. Without, this is semantic
            matching.
        teaching: Settings.
        seed: Of the folds on which temperatures are found.

    Returns:
        Weights (D, C) and bias (C,) of the pictures' scores and of the
        texts', to which the offsets are still to be added.
    """
    labelled = np.flatnonzero(label >= 0)
    pool = np.flatnonzero(label == -1)
    modalities = [(np.asarray(image, np.float64), offsets[0]),
                  (np.asarray(text, np.float64), offsets[1])]
    hot = np.eye(num_classes)[label[labelled]]
    found = [_plain(rows, offset, labelled, hot, teaching.strength)
             for rows, offset in modalities]
    if not pairs or not len(pool):
        return found[0], found[1]
    counts = np.bincount(label[labelled], minlength=num_classes)
    tempered = len(labelled) > 0 and (
        counts[counts > 0].min() >= FEWEST_TO_TEMPER)
    temperatures = [held_out_temperature(
        rows, label, labelled, num_classes, offset, teaching.strength, seed)
        if tempered else 1. for rows, offset in modalities]
    joined = np.concatenate([labelled, pool])
    weight = np.concatenate([np.ones(len(labelled)),
                             np.full(len(pool), teaching.weight)])
    solvers = [SoftRegression(rows[joined], teaching.strength, weight)
               for rows, _ in modalities]
    solutions: list[Optional[np.ndarray]] = [None, None]
    for _ in range(teaching.rounds):
        own, other = (torch.from_numpy(
            rows[pool] @ linear[0] + linear[1] + _at(offset, pool))
            for (rows, offset), linear in zip(modalities, found, strict=True))
        targets = pair_teacher_targets(
            own, other, sharpen=teaching.sharpen,
            image_vote=teaching.image_vote if tempered else 1.,
            image_temperature=temperatures[0],
            text_temperature=temperatures[1])
        for place, (_, offset) in enumerate(modalities):
            solution = solvers[place].fit(
                np.concatenate([hot, targets[place].numpy()]),
                _at(offset, joined), solutions[place], steps=12)
            solutions[place] = solution
            found[place] = solvers[place].linear(solution)
    return found[0], found[1]


def held_out_temperature(rows: np.ndarray, label: np.ndarray,
                         labelled: np.ndarray, num_classes: int,
                         offset: np.ndarray | float = 0.,
                         strength: float = 10., seed: int = 0) -> float:
    """Find the temperature that makes held-out labelled rows likeliest.

    Args:
        rows: Vectors of all rows, (N, D).
        label: Classes, (N,).
        labelled: Positions of the labelled rows, (L,).
        num_classes: Number C.
        offset: Prior of the scores, (N, C).
        strength: Of the regressions that leave a fold out.
        seed: Of the folds.
    """
    fold = folds(label[labelled], _FOLDS, seed)
    scores = np.zeros((len(labelled), num_classes))
    for number in range(_FOLDS):
        rest, held = labelled[fold != number], labelled[fold == number]
        if len(held):
            weight, bias = _plain(rows, offset, rest,
                                  np.eye(num_classes)[label[rest]], strength)
            scores[fold == number] = (rows[held] @ weight + bias
                                      + _at(offset, held))
    return likeliest_temperature(torch.from_numpy(scores),
                                 torch.from_numpy(label[labelled]))


def _plain(rows: np.ndarray, offset: np.ndarray | float,
           labelled: np.ndarray, hot: np.ndarray, strength: float) -> Linear:
    """Fit the labelled rows; without any, the prior is all there is."""
    if not len(labelled):
        return np.zeros((rows.shape[1], hot.shape[1])), np.zeros(hot.shape[1])
    solver = SoftRegression(rows[labelled], strength)
    return solver.linear(solver.fit(hot, _at(offset, labelled)))


def _at(offset: np.ndarray | float, rows: np.ndarray) -> np.ndarray | float:
    return offset[rows] if isinstance(offset, np.ndarray) else offset


def folds(label: np.ndarray, count: int, draw: int) -> np.ndarray:
    """Assign each labelled row to a fold, of every class alike, (L,).

    Args:
        label: Classes of the labelled rows, (L,).
        count: Folds.
        draw: Number of the draw.
    """
    rng = np.random.default_rng((draw, 2000))
    result = np.zeros(len(label), int)
    for number in np.unique(label):
        members = rng.permutation(np.flatnonzero(label == number))
        result[members] = (np.arange(len(members))
                           + rng.integers(count)) % count
    return result
