"""Pairwise distance: the cross-modal transfer loss of CHTN."""
from __future__ import annotations

import torch
from mmengine.registry import MODELS
from torch import Tensor, nn

from .pair_rows import check_pairs, in_float32


def pairwise_distance(image: Tensor, text: Tensor) -> Tensor:
    r"""Compute half the mean squared distance between the sides of pairs.

    Cross-modal transfer of CHTN (https://arxiv.org/abs/1706.00153), as the
    release computes it: Caffe's contrastive loss with every pair similar,

    .. math:: \frac{1}{2n} \sum_p \lVert i_p - t_p \rVert^2

    Computed in float32 at least, under autocast too.

    Args:
        image: Image features, (B, D).
        text: Text features of the same pairs in the same order, (B, D).

    Returns:
        Scalar, at least 0; it grows with D.

    Raises:
        ValueError: The shapes differ.
    """
    check_pairs(image, text)
    with torch.autocast(image.device.type, enabled=False):
        one, other = in_float32(image, text)
        difference = one - other
        return difference.square().sum() / (2 * len(image))


@MODELS.register_module()
class PairwiseLoss(nn.Module):
    """Weighted :func:`pairwise_distance`.

    Args:
        loss_weight: Factor on the value; the release has 0.001.
    """
    name = 'pair'

    def __init__(self, loss_weight: float = 0.001) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, image: Tensor, text: Tensor) -> Tensor:
        """Compute the weighted distance of (B, D) features, a scalar."""
        return self.loss_weight * pairwise_distance(image, text)
