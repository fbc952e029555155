"""Supervised contrastive learning over both modalities."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

from mmengine.registry import MODELS
from torch import Tensor

from ..losses.contrast import SupervisedContrastLoss
from ..models.projected_model import ProjectedModel
from ..models.supervision import supervise_pair


@MODELS.register_module()
class SupCon(ProjectedModel):
    """SupCon (https://arxiv.org/abs/2004.11362).

    Khosla et al., "Supervised contrastive learning", NeurIPS 2020, with the
    image and the text of all pairs of a class as its views. It needs labels,
    but neither their number nor a classifier.

    Args:
        trunk: As in :class:`TwoTowerModel`.
        text_encoder: As in :class:`TwoTowerModel`.
        num_classes: Number C of classes of a classifier beside the
            contrast. None: without.
        widths: As in :class:`ProjectedModel`.
        dropout: As in :class:`ProjectedModel`.
        representation: As in :class:`ProjectedModel`.
        temperature: What cosines are divided by.
        similarity: As in :class:`CrossModalModel`.
        data_preprocessor: As in :class:`CrossModalModel`.
        init_cfg: As in :class:`CrossModalModel`.
        input_norm: As in :class:`ProjectedModel`.
    """
    paper = 'https://arxiv.org/abs/2004.11362'
    paper_title = 'Supervised Contrastive Learning'
    needs_labels = True

    def __init__(self,
                 trunk: dict,
                 text_encoder: dict,
                 num_classes: Optional[int] = None,
                 widths: Sequence[int] = (512, 128),
                 dropout: float = .2,
                 representation: str = 'common',
                 temperature: float = .1,
                 similarity: Optional[str] = None,
                 data_preprocessor: Optional[dict] = None,
                 init_cfg: Optional[dict] = None,
                 input_norm: bool = False) -> None:
        super().__init__(trunk, text_encoder, num_classes, widths, dropout,
                         representation, similarity, data_preprocessor,
                         init_cfg, input_norm)
        self.contrast = SupervisedContrastLoss(temperature)

    def loss(self, inputs: dict[str, Any],
             data_samples: dict[str, Any]) -> dict[str, Tensor]:
        """Compute the contrast, and a classifier's cross entropies, if any."""
        pair, label = self.training_pair(inputs, data_samples)
        if label is None:
            raise ValueError('SupCon needs labels, the batch has none')
        one, other = (pair[name].taps['common'] for name in ('image', 'text'))
        terms = dict(loss_contrast=self.contrast(one, other, label))
        supervise_pair(terms, pair, label)
        return terms
