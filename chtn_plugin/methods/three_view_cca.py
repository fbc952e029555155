"""Canonical correlation analysis with the labels as a third view."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

import numpy as np
from mmengine.registry import MODELS
from torch import Tensor
from torch.nn.functional import normalize

from ..models.canonical import (
    canonical_directions,
    check_options,
    principal_axes,
)
from ..models.closed_form import ClosedFormModel
from ..models.cross_modal_model import Encoded


@MODELS.register_module()
class ThreeViewCCA(ClosedFormModel):
    """Three-view CCA (https://arxiv.org/abs/1212.4522).

    Gong et al., "A multi-view embedding space for modeling internet images,
    tags, and their semantics", IJCV 2014: image, text and class are projected
    to directions in which all three correlate. Pairs without a class take
    part with the mean class, which correlates with nothing. An item's score
    for a class is the cosine with the class's own projection.

    Args:
        trunk: As in :class:`TwoTowerModel`.
        text_encoder: As in :class:`TwoTowerModel`.
        num_classes: Number C of classes.
        dimensions: Canonical directions that are kept, at most.
        ridge: Added to each view's covariance, in multiples of its mean
            variance.
        power: Directions are scaled by their correlation to this power, so
            that the surer ones count more (Gong et al., IJCV 2014).
        principal: Principal components a view is reduced to first, at most.
        label_ridge: The same ridge of the class view: the smaller, the more
            its correlation counts. (A factor on the view would change
            nothing: a correlation has no scale.)
        l2_normalized: As in :class:`ClosedFormModel`.
        similarity: As in :class:`CrossModalModel`.
        data_preprocessor: As in :class:`CrossModalModel`.
        init_cfg: As in :class:`CrossModalModel`.
    """
    paper = 'https://arxiv.org/abs/1212.4522'
    paper_title = ('A Multi-View Embedding Space for Modeling Internet '
                   'Images, Tags, and their Semantics')

    def __init__(self,
                 trunk: dict,
                 text_encoder: dict,
                 num_classes: int,
                 dimensions: int = 20,
                 ridge: float = 1.,
                 power: float = 2.,
                 principal: int = 150,
                 label_ridge: float = 1.,
                 l2_normalized: Sequence[str] = (),
                 similarity: Optional[str] = None,
                 data_preprocessor: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(trunk, text_encoder, num_classes, l2_normalized,
                         similarity, data_preprocessor, init_cfg)
        check_options(dimensions, principal, ridge, power)
        if label_ridge <= 0:
            raise ValueError('label_ridge must be positive, got '
                             f'{label_ridge}')
        self.dimensions = dimensions
        self.ridge = ridge
        self.power = power
        self.principal = principal
        self.label_ridge = label_ridge

    def _fit(self, rows: dict[str, np.ndarray],
             shares: np.ndarray) -> dict[str, np.ndarray]:
        axes = [principal_axes(rows[name], self.principal)
                for name in ('image', 'text')]
        views = [rows[name] @ axis for name, axis in
                 zip(('image', 'text'), axes, strict=True)]
        labelled = np.any(shares, axis=1)[:, None]
        classes = np.where(labelled, shares - shares.sum(0)
                           / labelled.sum(), 0.)
        *weights, of_classes = canonical_directions(
            [*views, classes], self.dimensions,
            [self.ridge, self.ridge, self.label_ridge], self.power)
        mean = shares.sum(0) / labelled.sum()
        state = {f'{name}_weight': axis @ weight for name, axis, weight in
                 zip(('image', 'text'), axes, weights, strict=True)}
        return dict(state, classes=(np.eye(len(mean)) - mean) @ of_classes)

    def _encode(self, name: str, rows: Tensor) -> Encoded:
        common = rows @ self.fitted[f'{name}_weight']
        return Encoded(common, normalize(common)
                       @ normalize(self.fitted['classes']).T)
