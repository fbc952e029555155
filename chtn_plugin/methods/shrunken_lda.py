"""Linear discriminant analysis with a shrunken covariance."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

import numpy as np
from mmengine.registry import MODELS

from ..models.closed_form_posterior import ClosedFormPosterior


@MODELS.register_module()
class ShrunkenLDA(ClosedFormPosterior):
    """Shrunken LDA (https://doi.org/10.1111/j.1469-1809.1936.tb02137.x).

    Fisher's linear discriminant in each modality, its pooled within-class
    covariance drawn towards a multiple of the identity, as scikit-learn's
    ``LinearDiscriminantAnalysis`` does it; classes have one prior. Written
    out here because scikit-learn refuses one row a class, and several
    classes of a row.

    Args:
        trunk: As in :class:`TwoTowerModel`.
        text_encoder: As in :class:`TwoTowerModel`.
        num_classes: Number C of classes.
        shrinkage: Share of the identity in the covariance, in (0, 1].
        temperature: What the scores are divided by: estimated from few rows,
            they are too sure.
        l2_normalized: As in :class:`ClosedFormModel`.
        similarity: As in :class:`CrossModalModel`.
        data_preprocessor: As in :class:`CrossModalModel`.
        init_cfg: As in :class:`CrossModalModel`.
    """
    paper = 'https://doi.org/10.1111/j.1469-1809.1936.tb02137.x'
    paper_title = 'The Use of Multiple Measurements in Taxonomic Problems'

    def __init__(self,
                 trunk: dict,
                 text_encoder: dict,
                 num_classes: int,
                 shrinkage: float = .5,
                 temperature: float = 10.,
                 l2_normalized: Sequence[str] = (),
                 similarity: Optional[str] = None,
                 data_preprocessor: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(trunk, text_encoder, num_classes, l2_normalized,
                         similarity, data_preprocessor, init_cfg)
        if not 0 < shrinkage <= 1:
            raise ValueError(f'shrinkage must be in (0, 1], got {shrinkage}')
        if temperature <= 0:
            raise ValueError('temperature must be positive, got '
                             f'{temperature}')
        self.shrinkage = shrinkage
        self.temperature = temperature

    def _fit_modality(self, name: str, rows: np.ndarray,
                      shares: np.ndarray) -> dict[str, np.ndarray]:
        means = shares.T @ rows / shares.sum(0)[:, None]
        # Sum over classes of share-weighted squares around the class mean.
        scatter = (rows.T @ rows
                   - (means.T * shares.sum(0)) @ means) / len(rows)
        size = len(scatter)
        # One row a class has no spread within: take that of all rows.
        spread = np.trace(scatter) / size
        if spread < 1e-9:
            spread = max(rows.var(0).mean(), 1e-9)
        covariance = ((1 - self.shrinkage) * scatter
                      + self.shrinkage * spread * np.eye(size))
        weight = np.linalg.solve(covariance, means.T)
        bias = -.5 * (means.T * weight).sum(0)
        return dict(weight=weight / self.temperature,
                    bias=bias / self.temperature)
