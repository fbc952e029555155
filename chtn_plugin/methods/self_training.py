"""Self-training: each modality labels its own rows without a class."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

import numpy as np
from mmengine.registry import MODELS

from ..models.closed_form_posterior import ClosedFormPosterior


@MODELS.register_module()
class SelfTraining(ClosedFormPosterior):
    """Self-training (https://doi.org/10.1109/TIT.1965.1053799).

    Scudder 1965: the logistic regression of a modality labels the rows it is
    surest of, and is fitted again to those too, until it is sure of no more.
    The modalities do not teach each other, which is what helps (co-training);
    this is the bar for methods in which they do. scikit-learn's
    ``SelfTrainingClassifier`` (the extra ``methods``). Rows have one class.

    Args:
        trunk: As in :class:`TwoTowerModel`.
        text_encoder: As in :class:`TwoTowerModel`.
        num_classes: Number C of classes.
        strength: Inverse of the regularisation of both regressions.
        threshold: Probability from which a row's class is taken as known.
        rounds: Most times of labelling.
        l2_normalized: As in :class:`ClosedFormModel`.
        similarity: As in :class:`CrossModalModel`.
        data_preprocessor: As in :class:`CrossModalModel`.
        init_cfg: As in :class:`CrossModalModel`.

    Raises:
        ValueError: An option is out of range; in fitting: a row has several
            classes, or all labelled rows have one.
    """
    paper = 'https://doi.org/10.1109/TIT.1965.1053799'
    paper_title = ('Probability of Error of Some Adaptive '
                   'Pattern-Recognition Machines')

    def __init__(self,
                 trunk: dict,
                 text_encoder: dict,
                 num_classes: int,
                 strength: float = 10.,
                 threshold: float = .75,
                 rounds: int = 5,
                 l2_normalized: Sequence[str] = (),
                 similarity: Optional[str] = None,
                 data_preprocessor: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(trunk, text_encoder, num_classes, l2_normalized,
                         similarity, data_preprocessor, init_cfg)
        if strength <= 0 or not 0 <= threshold < 1 or rounds < 1:
            raise ValueError(
                'strength must be positive, threshold in [0, 1) and rounds '
                f'at least 1, got {strength}, {threshold} and {rounds}')
        self.strength = strength
        self.threshold = threshold
        self.rounds = rounds
        self._unlabelled: dict[str, np.ndarray] = {}

    def _fit(self, rows: dict[str, np.ndarray],
             shares: np.ndarray) -> dict[str, np.ndarray]:
        if (shares.max(1)[shares.any(1)] < 1).any():
            raise ValueError('self-training needs one class a row, got rows '
                             'of several')
        if np.any(shares, axis=0).sum() < 2:
            raise ValueError('self-training needs labelled rows of two '
                             'classes at least, got one')
        self._unlabelled = {name: value[~shares.any(1)]
                            for name, value in rows.items()}
        try:
            return super()._fit(rows, shares)
        finally:
            self._unlabelled = {}

    def _fit_modality(self, name: str, rows: np.ndarray,
                      shares: np.ndarray) -> dict[str, np.ndarray]:
        from sklearn.linear_model import LogisticRegression
        from sklearn.semi_supervised import SelfTrainingClassifier
        two = shares.shape[1] == 2
        inner = LogisticRegression(
            C=2 * self.strength if two else self.strength, max_iter=300)
        label = shares.argmax(1)
        more = self._unlabelled[name]
        if len(more):
            solver = SelfTrainingClassifier(
                inner, threshold=self.threshold, max_iter=self.rounds)
            inner = solver.fit(
                np.concatenate([rows, more]),
                np.concatenate([label, np.full(len(more), -1)])).estimator_
        else:
            inner.fit(rows, label)
        weight, bias = _softmax_form(inner.coef_.T, inner.intercept_)
        return dict(weight=weight, bias=bias)


def _softmax_form(weight: np.ndarray, bias: np.ndarray
                 ) -> tuple[np.ndarray, np.ndarray]:
    """Give the single vector of a two-class regression its two classes.

    Args:
        weight: (D, S), or (D, 1) of two classes.
        bias: (S,), or (1,).
    """
    if weight.shape[1] > 1:
        return weight, bias
    return (np.concatenate([-weight / 2, weight / 2], 1),
            np.concatenate([-bias / 2, bias / 2]))
