"""Choose the pairs to label next, and the labels to look at again."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import log_softmax, rel_entr, softmax

from ..checks import check_choice
from ..models.pair_teaching import taught_scores
from .label_budgets import folds
from .pair_features import PairFeatures

#: Ways to choose what is labelled next.
WAYS = ('both', 'coverage', 'disagreement')
#: Of the pool at most so many are compared with each other.
_POOL = 3000
_FOLDS = 4

Offsets = Callable[[np.ndarray],
                   tuple[np.ndarray | float, np.ndarray | float]]


def no_offsets(label: np.ndarray) -> tuple[float, float]:
    """Stand for a model without a class-name prior."""
    return 0., 0.


def disagreement(image: np.ndarray, text: np.ndarray) -> np.ndarray:
    r"""Jensen-Shannon divergence of both sides' posteriors, (N,), in [0, 1].

    .. math:: \tfrac12 \mathrm{KL}(p_i \| m) + \tfrac12 \mathrm{KL}(p_t \| m)
              \text{ bits}, \quad m = \tfrac12 (p_i + p_t)

    0 where picture and text say the same, 1 where they exclude each other
    (query by committee, Seung et al. 1992,
    https://doi.org/10.1145/130385.130417; McCallum and Nigam 1998).

    Args:
        image: Class scores of the pictures, (N, C).
        text: Of their texts, (N, C).
    """
    p, q = softmax(image, 1), softmax(text, 1)
    middle = (p + q) / 2
    return (rel_entr(p, middle) + rel_entr(q, middle)).sum(1) / 2 / np.log(2)


def next_rows(features: PairFeatures, label: np.ndarray,
              scores: tuple[np.ndarray, np.ndarray], number: int,
              by: str = 'both', seed: int = 0) -> np.ndarray:
    """Choose unlabelled pairs whose class is worth a person's time.

    ``'coverage'``: those that most others of the pool are near to and that
    no labelled pair, nor one chosen before, is near to: the greedy solution
    of the facility location problem (Nemhauser et al. 1978,
    https://doi.org/10.1007/BF01588971), on the mean cosine of pictures and
    of texts. ``'disagreement'``: those on which the modalities disagree most.
    ``'both'``: coverage, weighted by one half plus disagreement.

    Args:
        features: Prepared vectors.
        label: Classes, (N,): -1 unlabelled, -2 a row that is not asked for.
        scores: Class scores of pictures and texts, (N, C) each.
        number: How many.
        by: See above.
        seed: Which 3,000 of a larger pool are looked at.

    Returns:
        Row numbers, the most wanted first; fewer where the pool is smaller.

    Raises:
        ValueError: ``by`` is none of the three, or ``number`` is below 1.
    """
    check_choice('by', by, WAYS)
    if number < 1:
        raise ValueError(f'number must be at least 1, got {number}')
    pool = np.flatnonzero(label == -1)
    if len(pool) > _POOL:
        pool = np.sort(np.random.default_rng(seed).choice(
            pool, _POOL, replace=False))
    differs = disagreement(scores[0][pool], scores[1][pool])
    if by == 'disagreement':
        return pool[np.argsort(-differs, kind='stable')[:number]]
    weight = np.ones(len(pool)) if by == 'coverage' else .5 + differs
    near = _likeness(features, pool, pool)
    labelled = np.flatnonzero(label >= 0)
    best = (_likeness(features, pool, labelled).max(1) if len(labelled)
            else np.zeros(len(pool), np.float32))
    chosen: list[int] = []
    for _ in range(min(number, len(pool))):
        gain = np.maximum(near - best[:, None], 0).sum(0) * weight
        gain[chosen] = -1
        chosen.append(int(gain.argmax()))
        best = np.maximum(best, near[:, chosen[-1]])
    return pool[chosen]


def _likeness(features: PairFeatures, rows: np.ndarray, others: np.ndarray
              ) -> np.ndarray:
    """Mean cosine of pictures and of texts, at least 0, (R, O)."""
    total = np.zeros((len(rows), len(others)), np.float32)
    for value in (features.image, features.text):
        unit = value / np.maximum(
            np.linalg.norm(value, axis=1, keepdims=True), 1e-12)
        total += unit[rows] @ unit[others].T / 2
    return np.maximum(total, 0)


@dataclass(frozen=True)
class Suspect:
    """A label that looks wrong.

    Attributes:
        row: Row number.
        given: Class that it has.
        likely: Class that pictures and texts of other rows say.
        share: Probability of ``likely``, of a model that has not seen it.
        given_share: Probability of ``given``.
    """
    row: int
    given: int
    likely: int
    share: float
    given_share: float


def suspects(features: PairFeatures, label: np.ndarray, num_classes: int,
             offsets: Offsets = no_offsets, seed: int = 0) -> list[Suspect]:
    """Find labels that a model which has not seen them contradicts.

    Confident learning (Northcutt et al. 2021,
    https://arxiv.org/abs/1911.00068): labelled rows are scored by models of
    the other folds; a label is suspect where another class reaches at least
    the mean probability that rows labelled so have of it. The probability is
    the product of both sides' posteriors.

    Args:
        features: Prepared vectors.
        label: Classes, (N,): -1 unlabelled, -2 a row that takes no part.
        num_classes: Number C.
        offsets: Priors of scores under labels, as the model has them.
        seed: Of the folds.

    Returns:
        The most suspect first; none where a class has fewer than two labels.
    """
    labelled = np.flatnonzero(label >= 0)
    given = label[labelled]
    counts = np.bincount(given, minlength=num_classes)
    if not len(labelled) or counts[counts > 0].min() < 2:
        return []
    fold = folds(given, _FOLDS, seed)
    posterior = np.zeros((len(labelled), num_classes))
    for number in range(_FOLDS):
        held = labelled[fold == number]
        if not len(held):
            continue
        seen = label.copy()
        seen[held] = -2
        image, text = taught_scores(features.image, features.text, seen,
                                    num_classes, offsets(seen), seed=seed)
        posterior[fold == number] = softmax(
            log_softmax(image[held], 1) + log_softmax(text[held], 1), 1)
    own = posterior[np.arange(len(given)), given]
    usual = np.array([own[given == c].mean() if counts[c] else 2.
                      for c in range(num_classes)])
    sure = np.where(posterior >= usual, posterior, 0.)
    sure[np.arange(len(given)), given] = 0.
    likely, share = sure.argmax(1), sure.max(1)
    found = [Suspect(int(labelled[i]), int(given[i]), int(likely[i]),
                     float(share[i]), float(own[i]))
             for i in np.flatnonzero(share > own)]
    return sorted(found, key=lambda s: s.given_share - s.share)
