"""Ridge regression from image vectors to the space of text vectors."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

import numpy as np
from mmengine.registry import MODELS
from torch import Tensor

from ..models.closed_form import ClosedFormModel
from ..models.cross_modal_model import Encoded


@MODELS.register_module()
class RidgeMap(ClosedFormModel):
    """Ridge regression (https://doi.org/10.1080/00401706.1970.10488634).

    Hoerl and Kennard 1970. The images' vectors are mapped to where the texts
    of their pairs lie; the cosine compares in the texts' own space. It finds
    the very thing better than its kind. Every pair takes part, labelled or
    not. scikit-learn's ``Ridge`` (the extra ``methods``).

    Args:
        trunk: As in :class:`TwoTowerModel`.
        text_encoder: As in :class:`TwoTowerModel`.
        num_classes: None, or as in :class:`CrossModalModel`.
        ridge: Weight of the squared norm of the map.
        l2_normalized: As in :class:`ClosedFormModel`.
        similarity: As in :class:`CrossModalModel`.
        data_preprocessor: As in :class:`CrossModalModel`.
        init_cfg: As in :class:`CrossModalModel`.
    """
    paper = 'https://doi.org/10.1080/00401706.1970.10488634'
    paper_title = ('Ridge Regression: Biased Estimation for Nonorthogonal '
                   'Problems')
    needs_labels = False

    def __init__(self,
                 trunk: dict,
                 text_encoder: dict,
                 num_classes: Optional[int] = None,
                 ridge: float = 1.,
                 l2_normalized: Sequence[str] = (),
                 similarity: Optional[str] = None,
                 data_preprocessor: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(trunk, text_encoder, num_classes, l2_normalized,
                         similarity, data_preprocessor, init_cfg)
        if ridge <= 0:
            raise ValueError('ridge must be positive, got '
                             f'{ridge}')
        self.ridge = ridge

    def _fit(self, rows: dict[str, np.ndarray],
             shares: np.ndarray) -> dict[str, np.ndarray]:
        from sklearn.linear_model import Ridge
        solver = Ridge(alpha=self.ridge, fit_intercept=False)
        solver.fit(rows['image'], rows['text'])
        return dict(image_weight=np.atleast_2d(solver.coef_).T)

    def _encode(self, name: str, rows: Tensor) -> Encoded:
        if name == 'text':
            return Encoded(rows)
        return Encoded(rows @ self.fitted['image_weight'])
