"""Semantic matching: a logistic regression for each modality."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

import numpy as np
from mmengine.registry import MODELS

from ..models.closed_form_posterior import ClosedFormPosterior
from ..models.logistic_regression import logistic_regression


@MODELS.register_module()
class SemanticMatching(ClosedFormPosterior):
    """Semantic matching (https://doi.org/10.1145/1873951.1873987).

    Rasiwasia et al., "A new approach to cross-modal multimedia retrieval",
    MM 2010. A multinomial logistic regression of each modality maps both to
    the class probabilities, which are compared. Of several classes of one row
    each counts with its share.

    Args:
        trunk: As in :class:`TwoTowerModel`.
        text_encoder: As in :class:`TwoTowerModel`.
        num_classes: Number C of classes.
        strength_image: Inverse of the regularisation (scikit-learn's ``C``) of
            the images' regression.
        strength_text: The same of the texts'.
        max_iter: Most steps of the solver.
        l2_normalized: As in :class:`ClosedFormModel`.
        similarity: As in :class:`CrossModalModel`.
        data_preprocessor: As in :class:`CrossModalModel`.
        init_cfg: As in :class:`CrossModalModel`.
    """
    paper = 'https://doi.org/10.1145/1873951.1873987'
    paper_title = 'A New Approach to Cross-Modal Multimedia Retrieval'

    def __init__(self,
                 trunk: dict,
                 text_encoder: dict,
                 num_classes: int,
                 strength_image: float = 10.,
                 strength_text: float = 10.,
                 max_iter: int = 300,
                 l2_normalized: Sequence[str] = (),
                 similarity: Optional[str] = None,
                 data_preprocessor: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(trunk, text_encoder, num_classes, l2_normalized,
                         similarity, data_preprocessor, init_cfg)
        if min(strength_image, strength_text) <= 0:
            raise ValueError('strengths must be positive, got '
                             f'{strength_image} and {strength_text}')
        self.strength_image = strength_image
        self.strength_text = strength_text
        self.max_iter = max_iter

    def _fit(self, rows: dict[str, np.ndarray],
             shares: np.ndarray) -> dict[str, np.ndarray]:
        if shares.any(0).sum() < 2:
            raise ValueError('semantic matching needs labelled rows of two '
                             'classes at least, got one')
        return super()._fit(rows, shares)

    def _fit_modality(self, name: str, rows: np.ndarray,
                      shares: np.ndarray) -> dict[str, np.ndarray]:
        strength = getattr(self, f'strength_{name}')
        weight, bias = logistic_regression(rows, shares, strength,
                                           self.max_iter)
        return dict(weight=weight, bias=bias)
