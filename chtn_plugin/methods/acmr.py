"""ACMR: adversarial cross-modal retrieval."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

import torch
import torch.nn.functional as F
from mmengine.registry import MODELS
from torch import Tensor, nn

from ..losses.triplets import ClassTripletLoss
from ..models.gradient_reversal import GradientReversal
from ..models.projected_model import ProjectedModel
from ..models.supervision import supervise_pair


@MODELS.register_module()
class ACMR(ProjectedModel):
    """ACMR (https://doi.org/10.1145/3123266.3123326).

    Wang et al., "Adversarial cross-modal retrieval", MM 2017: projections
    that keep the classes apart (cross entropy, triplets), while an adversary
    behind a gradient reversal tries to tell images from texts.

    Args:
        trunk: As in :class:`TwoTowerModel`.
        text_encoder: As in :class:`TwoTowerModel`.
        num_classes: Number C of classes.
        widths: As in :class:`ProjectedModel`.
        dropout: As in :class:`ProjectedModel`.
        representation: As in :class:`ProjectedModel`.
        triplet: Arguments of
            :class:`~chtn_plugin.losses.triplets.ClassTripletLoss`.
        reversal: Strength λ of the gradient reversal, in (0, 1].
        adversary_weight: Weight of the adversary's cross entropy.
        similarity: As in :class:`CrossModalModel`.
        data_preprocessor: As in :class:`CrossModalModel`.
        init_cfg: As in :class:`CrossModalModel`.
        input_norm: As in :class:`ProjectedModel`.
    """
    paper = 'https://doi.org/10.1145/3123266.3123326'
    paper_title = 'Adversarial Cross-Modal Retrieval'
    training_only = ('adversary.', )

    def __init__(self,
                 trunk: dict,
                 text_encoder: dict,
                 num_classes: int,
                 widths: Sequence[int] = (512, 128),
                 dropout: float = .2,
                 representation: str = 'common',
                 triplet: Optional[dict] = None,
                 reversal: float = 1.,
                 adversary_weight: float = .1,
                 similarity: Optional[str] = None,
                 data_preprocessor: Optional[dict] = None,
                 init_cfg: Optional[dict] = None,
                 input_norm: bool = False) -> None:
        super().__init__(trunk, text_encoder, num_classes, widths, dropout,
                         representation, similarity, data_preprocessor,
                         init_cfg, input_norm)
        self.triplet = ClassTripletLoss(**(triplet or {}))
        self.adversary = nn.Sequential(
            GradientReversal(reversal), nn.Linear(widths[-1], 64), nn.ReLU(),
            nn.Linear(64, 1))
        self.adversary_weight = adversary_weight

    def loss(self, inputs: dict[str, Any],
             data_samples: dict[str, Any]) -> dict[str, Tensor]:
        """Compute cross entropies, triplets and the adversary's loss."""
        pair, label = self.training_pair(inputs, data_samples)
        terms: dict[str, Tensor] = {}
        supervise_pair(terms, pair, label)
        one, other = (pair[name].taps['common'] for name in ('image', 'text'))
        terms['loss_triplet'] = self.triplet(one, other, label)
        guess = self.adversary(torch.cat([one, other]))[:, 0].float()
        is_text = torch.arange(len(guess), device=guess.device) >= len(one)
        terms['loss_adversary'] = (
            self.adversary_weight * F.binary_cross_entropy_with_logits(
                guess, is_text.float()))
        terms['accuracy_adversary'] = ((guess > 0) == is_text).float().mean()
        return terms
