"""Regularised least squares to the classes, under a Gaussian kernel."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

import numpy as np
from mmengine.registry import MODELS
from torch import Tensor

from ..models.closed_form_posterior import ClosedFormPosterior
from ..models.kernels import rbf_kernel


@MODELS.register_module()
class RBFLeastSquares(ClosedFormPosterior):
    """Kernel ridge regression to the classes, a modality at a time.

    Rifkin et al., "Regularized least-squares classification", 2003
    (https://cbmm.mit.edu/publications/regularized-least-squares-classification):
    scikit-learn's ``KernelRidge`` (the extra ``methods``) on the classes'
    shares less their means. The scores over the temperature are the logits.

    The checkpoint carries the labelled training rows.

    Args:
        trunk: As in :class:`TwoTowerModel`.
        text_encoder: As in :class:`TwoTowerModel`.
        num_classes: Number C of classes.
        gamma: Inverse squared width of the kernel, where rows have a mean
            square length of 1.
        ridge: Weight of the squared norm of the solution.
        temperature: What the scores are divided by.
        l2_normalized: As in :class:`ClosedFormModel`.
        similarity: As in :class:`CrossModalModel`.
        data_preprocessor: As in :class:`CrossModalModel`.
        init_cfg: As in :class:`CrossModalModel`.
    """
    paper = ('https://cbmm.mit.edu/publications/'
             'regularized-least-squares-classification')
    paper_title = 'Regularized Least-Squares Classification'
    keeps_training_rows = True

    def __init__(self,
                 trunk: dict,
                 text_encoder: dict,
                 num_classes: int,
                 gamma: float = .3,
                 ridge: float = .3,
                 temperature: float = .1,
                 l2_normalized: Sequence[str] = (),
                 similarity: Optional[str] = None,
                 data_preprocessor: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(trunk, text_encoder, num_classes, l2_normalized,
                         similarity, data_preprocessor, init_cfg)
        if min(gamma, ridge, temperature) <= 0:
            raise ValueError('gamma, ridge and temperature must be positive, '
                             f'got {gamma}, {ridge} and {temperature}')
        self.gamma = gamma
        self.ridge = ridge
        self.temperature = temperature

    def _fit_modality(self, name: str, rows: np.ndarray,
                      shares: np.ndarray) -> dict[str, np.ndarray]:
        from sklearn.kernel_ridge import KernelRidge
        mean = shares.mean(0)
        solver = KernelRidge(alpha=self.ridge, kernel='rbf',
                             gamma=self.gamma).fit(rows, shares - mean)
        return dict(rows=rows, weight=solver.dual_coef_ / self.temperature,
                    bias=np.zeros(len(mean)))

    def _logits(self, name: str, rows: Tensor) -> Tensor:
        kernel = rbf_kernel(rows, self.fitted[f'{name}_rows'], self.gamma)
        return super()._logits(name, kernel)
