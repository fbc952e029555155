"""Canonical correlation analysis under a Gaussian kernel."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

import numpy as np
from mmengine.registry import MODELS
from torch import Tensor

from ..checks import check_choice
from ..models.canonical import canonical_directions, check_options
from ..models.closed_form import ClosedFormModel
from ..models.cross_modal_model import Encoded
from ..models.kernels import KERNELS, kernel_matrix


@MODELS.register_module()
class KernelCCA(ClosedFormModel):
    """Kernel CCA (https://doi.org/10.1162/0899766042321814).

    Hardoon et al., "Canonical correlation analysis: an overview with
    application to learning methods", 2004. Kernel principal components
    (scikit-learn's ``KernelPCA``, the extra ``methods``) of each modality,
    then regularised CCA between them: the kernel method within the leading
    part of its feature space, which also keeps it from correlating anything
    with anything.

    The checkpoint carries the training rows.

    Args:
        trunk: As in :class:`TwoTowerModel`.
        text_encoder: As in :class:`TwoTowerModel`.
        num_classes: None, or as in :class:`CrossModalModel`.
        kernel: ``'rbf'`` or ``'linear'``.
        gamma: Inverse squared width of the Gaussian, where rows have a mean
            square length of 1.
        dimensions: Canonical directions that are kept, at most.
        ridge: Added to each view's covariance, in multiples of its mean
            variance.
        power: Directions are scaled by their correlation to this power, so
            that the surer ones count more (Gong et al., IJCV 2014).
        principal: Principal components a view is reduced to first, at most.
        l2_normalized: As in :class:`ClosedFormModel`.
        similarity: As in :class:`CrossModalModel`.
        data_preprocessor: As in :class:`CrossModalModel`.
        init_cfg: As in :class:`CrossModalModel`.
    """
    paper = 'https://doi.org/10.1162/0899766042321814'
    paper_title = ('Canonical Correlation Analysis: An Overview with '
                   'Application to Learning Methods')
    needs_labels = False
    keeps_training_rows = True

    def __init__(self,
                 trunk: dict,
                 text_encoder: dict,
                 num_classes: Optional[int] = None,
                 kernel: str = 'rbf',
                 gamma: float = .3,
                 dimensions: int = 40,
                 ridge: float = 1.,
                 power: float = 2.,
                 principal: int = 150,
                 l2_normalized: Sequence[str] = (),
                 similarity: Optional[str] = None,
                 data_preprocessor: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(trunk, text_encoder, num_classes, l2_normalized,
                         similarity, data_preprocessor, init_cfg)
        check_choice('kernel', kernel, KERNELS)
        if gamma <= 0:
            raise ValueError('gamma must be positive, got '
                             f'{gamma}')
        check_options(dimensions, principal, ridge, power)
        self.kernel = kernel
        self.gamma = gamma
        self.dimensions = dimensions
        self.ridge = ridge
        self.power = power
        self.principal = principal

    def _fit(self, rows: dict[str, np.ndarray],
             shares: np.ndarray) -> dict[str, np.ndarray]:
        from sklearn.decomposition import KernelPCA
        state, views, axes = {}, [], []
        for name in ('image', 'text'):
            # A whole eigenproblem of thousands of rows takes minutes.
            many = len(rows[name]) > 1000
            solver = KernelPCA(
                min(self.principal, len(rows[name])), kernel=self.kernel,
                gamma=self.gamma, remove_zero_eig=True, random_state=0,
                eigen_solver='randomized' if many else 'dense')
            views.append(solver.fit_transform(rows[name]))
            axes.append(solver.eigenvectors_
                        / np.sqrt(solver.eigenvalues_))
            state[f'{name}_rows'] = rows[name]
            # The kernel's centring, folded into one vector: of a new row's
            # kernel values only their mean over columns is to be taken off.
            state[f'{name}_centre'] = solver._centerer.K_fit_rows_
        weights = canonical_directions(views, self.dimensions, self.ridge,
                                       self.power)
        for name, axis, weight in zip(('image', 'text'), axes, weights,
                                      strict=True):
            state[f'{name}_weight'] = axis @ weight
        return state

    def _encode(self, name: str, rows: Tensor) -> Encoded:
        kernel = kernel_matrix(self.kernel, rows,
                               self.fitted[f'{name}_rows'], self.gamma)
        kernel = kernel - self.fitted[f'{name}_centre']
        kernel = kernel - kernel.mean(1, keepdim=True)
        return Encoded(kernel @ self.fitted[f'{name}_weight'])
