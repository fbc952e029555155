"""Nearest class mean, a classifier for each modality."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

import numpy as np
from mmengine.registry import MODELS
from torch import Tensor
from torch.nn.functional import normalize

from ..models.closed_form_posterior import ClosedFormPosterior


@MODELS.register_module()
class NearestClassMean(ClosedFormPosterior):
    """Nearest class mean (https://doi.org/10.1109/TPAMI.2013.83).

    Mensink et al., "Distance-based image classification: generalizing to new
    classes at near-zero cost", TPAMI 2013, with the cosine in place of their
    learned metric. The score of a class is the cosine between the item and
    the mean direction of the class's items, over the temperature.

    Args:
        trunk: As in :class:`TwoTowerModel`.
        text_encoder: As in :class:`TwoTowerModel`.
        num_classes: Number C of classes.
        temperature: What the cosine is divided by before the softmax.
        l2_normalized: As in :class:`ClosedFormModel`.
        similarity: As in :class:`CrossModalModel`.
        data_preprocessor: As in :class:`CrossModalModel`.
        init_cfg: As in :class:`CrossModalModel`.
    """
    paper = 'https://doi.org/10.1109/TPAMI.2013.83'
    paper_title = ('Distance-Based Image Classification: Generalizing to New '
                   'Classes at Near-Zero Cost')

    def __init__(self,
                 trunk: dict,
                 text_encoder: dict,
                 num_classes: int,
                 temperature: float = .1,
                 l2_normalized: Sequence[str] = (),
                 similarity: Optional[str] = None,
                 data_preprocessor: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(trunk, text_encoder, num_classes, l2_normalized,
                         similarity, data_preprocessor, init_cfg)
        if temperature <= 0:
            raise ValueError('temperature must be positive, got '
                             f'{temperature}')
        self.temperature = temperature

    def _fit_modality(self, name: str, rows: np.ndarray,
                      shares: np.ndarray) -> dict[str, np.ndarray]:
        means = _unit(shares.T @ _unit(rows))
        return dict(weight=means.T / self.temperature,
                    bias=np.zeros(len(means)))

    def _logits(self, name: str, rows: Tensor) -> Tensor:
        return super()._logits(name, normalize(rows))


def _unit(rows: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.maximum(length, 1e-12)
