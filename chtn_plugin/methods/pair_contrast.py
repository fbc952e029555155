"""Contrastive learning of pairs, as CLIP does it, labels optional."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Optional

import torch
from mmengine.registry import MODELS
from torch import Tensor, nn

from ..losses.info_nce import info_nce
from ..models.projected_model import ProjectedModel
from ..models.supervision import supervise_pair


@MODELS.register_module()
class PairContrast(ProjectedModel):
    """InfoNCE over pairs (https://arxiv.org/abs/2103.00020).

    Radford et al., "Learning transferable visual models from natural language
    supervision" (CLIP), on the vectors of towers that are there already: each
    image of a batch finds its own text, and each text its own image, under a
    temperature that is learnt. With classes there is a cross entropy too.

    Args:
        trunk: As in :class:`TwoTowerModel`.
        text_encoder: As in :class:`TwoTowerModel`.
        num_classes: Number C of classes. None: no labels are used.
        widths: As in :class:`ProjectedModel`.
        dropout: As in :class:`ProjectedModel`.
        representation: As in :class:`ProjectedModel`.
        temperature: Where the learnt temperature begins.
        spare_class: Whether pairs of one class are no negatives of each
            other; needs class numbers, one a pair.
        similarity: As in :class:`CrossModalModel`.
        data_preprocessor: As in :class:`CrossModalModel`.
        init_cfg: As in :class:`CrossModalModel`.
        input_norm: As in :class:`ProjectedModel`.
        contrast_weight: Weight of the contrast beside the cross entropies.

    Raises:
        ValueError: ``temperature`` or ``contrast_weight`` is not positive.
    """
    paper = 'https://arxiv.org/abs/2103.00020'
    paper_title = ('Learning Transferable Visual Models From Natural Language '
                   'Supervision')

    def __init__(self,
                 trunk: dict,
                 text_encoder: dict,
                 num_classes: Optional[int] = None,
                 widths: Sequence[int] = (512, 128),
                 dropout: float = .2,
                 representation: str = 'common',
                 temperature: float = .07,
                 spare_class: bool = False,
                 similarity: Optional[str] = None,
                 data_preprocessor: Optional[dict] = None,
                 init_cfg: Optional[dict] = None,
                 input_norm: bool = False,
                 contrast_weight: float = 1.) -> None:
        super().__init__(trunk, text_encoder, num_classes, widths, dropout,
                         representation, similarity, data_preprocessor,
                         init_cfg, input_norm)
        if temperature <= 0:
            raise ValueError('temperature must be positive, got '
                             f'{temperature}')
        if contrast_weight <= 0:
            raise ValueError('contrast_weight must be positive, got '
                             f'{contrast_weight}')
        self.contrast_weight = contrast_weight
        self.log_scale = nn.Parameter(torch.tensor(-math.log(temperature)))
        self.spare_class = spare_class

    def loss(self, inputs: dict[str, Any],
             data_samples: dict[str, Any]) -> dict[str, Tensor]:
        """Compute the contrast, and cross entropies if there are classes."""
        pair, label = self.training_pair(inputs, data_samples)
        same = label if self.spare_class else None
        if self.spare_class and (label is None or label.dim() > 1):
            raise ValueError('spare_class needs one class number a pair, got '
                             + ('no labels' if label is None else
                                f'labels of shape {tuple(label.shape)}'))
        one, other = (pair[name].taps['common'] for name in ('image', 'text'))
        # As in CLIP: a scale beyond 100 makes training unsteady.
        scale = self.log_scale.clamp(max=math.log(100.)).exp()
        terms = dict(loss_contrast=self.contrast_weight * info_nce(
            one, other, scale, same))
        supervise_pair(terms, pair, label)
        return terms
