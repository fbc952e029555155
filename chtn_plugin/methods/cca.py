"""Canonical correlation analysis (CCA), from pairs without labels."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

import numpy as np
from mmengine.registry import MODELS
from torch import Tensor

from ..models.canonical import (
    canonical_directions,
    check_options,
    principal_axes,
)
from ..models.closed_form import ClosedFormModel
from ..models.cross_modal_model import Encoded


@MODELS.register_module()
class CCA(ClosedFormModel):
    """Canonical correlation analysis (https://doi.org/10.1093/biomet/28.3-4.321).

    Hotelling 1936; for retrieval Rasiwasia et al., MM 2010. Both modalities
    are projected to the directions in which they correlate most; the cosine
    compares. Every pair takes part, labelled or not.

    Args:
        trunk: As in :class:`TwoTowerModel`.
        text_encoder: As in :class:`TwoTowerModel`.
        num_classes: None, or as in :class:`CrossModalModel`.
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
    paper = 'https://doi.org/10.1093/biomet/28.3-4.321'
    paper_title = 'Relations Between Two Sets of Variates'
    needs_labels = False

    def __init__(self,
                 trunk: dict,
                 text_encoder: dict,
                 num_classes: Optional[int] = None,
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
        check_options(dimensions, principal, ridge, power)
        self.dimensions = dimensions
        self.ridge = ridge
        self.power = power
        self.principal = principal

    def _fit(self, rows: dict[str, np.ndarray],
             shares: np.ndarray) -> dict[str, np.ndarray]:
        axes = [principal_axes(rows[name], self.principal)
                for name in ('image', 'text')]
        views = [rows[name] @ axis for name, axis in
                 zip(('image', 'text'), axes, strict=True)]
        weights = canonical_directions(views, self.dimensions, self.ridge,
                                       self.power)
        return {f'{name}_weight': axis @ weight for name, axis, weight in
                zip(('image', 'text'), axes, weights, strict=True)}

    def _encode(self, name: str, rows: Tensor) -> Encoded:
        return Encoded(rows @ self.fitted[f'{name}_weight'])
