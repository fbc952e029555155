"""ASIF: describe an item by the training items that it resembles."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

import numpy as np
from mmengine.registry import MODELS
from torch import Tensor
from torch.nn.functional import normalize

from ..models.closed_form import ClosedFormModel
from ..models.cross_modal_model import Encoded


@MODELS.register_module()
class ASIF(ClosedFormModel):
    """ASIF (https://arxiv.org/abs/2210.01738).

    Norelli et al., "ASIF: coupled data turns unimodal models to multimodal
    without training", NeurIPS 2023. An image is described by its cosines with
    all training images, a text by those with all training texts; pairs make
    the two descriptions comparable. Only the largest cosines are kept,
    raised to a power. Rows are centred first, which the paper does not do.

    The checkpoint carries the training rows.

    Args:
        trunk: As in :class:`TwoTowerModel`.
        text_encoder: As in :class:`TwoTowerModel`.
        num_classes: None, or as in :class:`CrossModalModel`.
        nearest: Cosines that are kept.
        power: What they are raised to.
        l2_normalized: As in :class:`ClosedFormModel`.
        similarity: As in :class:`CrossModalModel`.
        data_preprocessor: As in :class:`CrossModalModel`.
        init_cfg: As in :class:`CrossModalModel`.
    """
    paper = 'https://arxiv.org/abs/2210.01738'
    paper_title = ('ASIF: Coupled Data Turns Unimodal Models to Multimodal '
                   'Without Training')
    needs_labels = False
    keeps_training_rows = True

    def __init__(self,
                 trunk: dict,
                 text_encoder: dict,
                 num_classes: Optional[int] = None,
                 nearest: int = 100,
                 power: float = 4.,
                 l2_normalized: Sequence[str] = (),
                 similarity: Optional[str] = None,
                 data_preprocessor: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(trunk, text_encoder, num_classes, l2_normalized,
                         similarity, data_preprocessor, init_cfg)
        if nearest < 1 or power <= 0:
            raise ValueError('nearest must be at least 1 and power positive, '
                             f'got {nearest} and {power}')
        self.nearest = nearest
        self.power = power

    def _fit(self, rows: dict[str, np.ndarray],
             shares: np.ndarray) -> dict[str, np.ndarray]:
        return {f'{name}_rows': value / np.maximum(
            np.linalg.norm(value, axis=1, keepdims=True), 1e-12)
                for name, value in rows.items()}

    def _encode(self, name: str, rows: Tensor) -> Encoded:
        cosines = normalize(rows) @ self.fitted[f'{name}_rows'].T
        cosines = cosines.clamp(min=0)
        least = cosines.topk(min(self.nearest, cosines.shape[1]))[0][:, -1:]
        kept = cosines * (cosines >= least)
        return Encoded(kept ** self.power)
