"""DSCMR: deep supervised cross-modal retrieval."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

import torch
from mmengine.registry import MODELS
from torch import Tensor

from ..losses.likelihood import PairLikelihoodLoss
from ..models.projected_model import ProjectedModel


@MODELS.register_module()
class DSCMR(ProjectedModel):
    """DSCMR (CVPR 2019).

    Zhen et al., "Deep supervised cross-modal retrieval": the classifier,
    shared by both modalities, is fitted to the labels by squares; whether two
    items share a class is made likely by their cosine; partners are drawn
    together. Terms are means over items and dimensions, so that the batch
    size changes no weight, and the likelihood has a scale on which it
    matters; see :func:`~chtn_plugin.losses.likelihood.pair_likelihood`.

    Args:
        trunk: As in :class:`TwoTowerModel`.
        text_encoder: As in :class:`TwoTowerModel`.
        num_classes: Number C of classes.
        widths: As in :class:`ProjectedModel`.
        dropout: As in :class:`ProjectedModel`.
        representation: As in :class:`ProjectedModel`.
        likelihood: Arguments of
            :class:`~chtn_plugin.losses.likelihood.PairLikelihoodLoss`.
        pair_weight: Weight of the squared distance between partners.
        similarity: As in :class:`CrossModalModel`.
        data_preprocessor: As in :class:`CrossModalModel`.
        init_cfg: As in :class:`CrossModalModel`.
        input_norm: As in :class:`ProjectedModel`.
    """
    paper = ('https://openaccess.thecvf.com/content_CVPR_2019/html/'
             'Zhen_Deep_Supervised_Cross-Modal_Retrieval_CVPR_2019_paper.html')
    paper_title = 'Deep Supervised Cross-Modal Retrieval'
    num_classes: int

    def __init__(self,
                 trunk: dict,
                 text_encoder: dict,
                 num_classes: int,
                 widths: Sequence[int] = (512, 128),
                 dropout: float = .2,
                 representation: str = 'common',
                 likelihood: Optional[dict] = None,
                 pair_weight: float = .1,
                 similarity: Optional[str] = None,
                 data_preprocessor: Optional[dict] = None,
                 init_cfg: Optional[dict] = None,
                 input_norm: bool = False) -> None:
        super().__init__(trunk, text_encoder, num_classes, widths, dropout,
                         representation, similarity, data_preprocessor,
                         init_cfg, input_norm)
        self.likelihood = PairLikelihoodLoss(**(likelihood or {}))
        self.pair_weight = pair_weight

    def loss(self, inputs: dict[str, Any],
             data_samples: dict[str, Any]) -> dict[str, Tensor]:
        """Compute squares to labels, pair likelihood and partner distance."""
        pair, label = self.training_pair(inputs, data_samples)
        image, text = pair['image'], pair['text']
        assert label is not None
        target = (torch.eye(self.num_classes, device=label.device)[label]
                  if label.dim() == 1 else label)
        terms: dict[str, Tensor] = {}
        for name, encoded in pair.items():
            logits = encoded.logits
            assert logits is not None
            terms[f'loss_label_{name}'] = (
                logits.float() - target).square().sum(1).mean()
            hit = target.gather(1, logits.detach().argmax(1)[:, None]) > 0
            terms[f'accuracy_{name}'] = hit.float().mean()
        one, other = image.taps['common'], text.taps['common']
        terms['loss_likelihood'] = self.likelihood(one, other, label)
        terms['loss_pair'] = self.pair_weight * (
            one.float() - other.float()).square().mean()
        return terms
