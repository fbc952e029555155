"""Triplet loss across modalities, ACMR's structure preservation."""
from __future__ import annotations

import torch
import torch.nn.functional as F
from mmengine.registry import MODELS
from torch import Tensor, nn

from .labels import same_class
from .pair_rows import check_pairs, unit_pairs


def class_triplets(image: Tensor, text: Tensor, label: Tensor,
                   margin: float = .5) -> Tensor:
    r"""Average the hinge of own text against other classes' texts, both ways.

    ACMR (MM 2017), equations 4 and 5: an item should be nearer to its
    partner than to any item of another class,

    .. math:: \overline{\max(0, m + d(u_b, v_b) - d(u_b, v_c))},
              \quad d = \lVert \hat u - \hat v \rVert^2

    over all c of other classes than b, and the same of texts. All such
    triplets of the batch count; the paper samples them.

    Args:
        image: Image vectors, (B, D); their length does not count.
        text: Vectors of their texts, (B, D).
        label: Classes, (B,), or multi-hot (B, C).
        margin: m.

    Returns:
        Scalar in [0, m + 4]; 0 where all rows share a class.

    Raises:
        ValueError: The shapes differ.
    """
    check_pairs(image, text)
    with torch.autocast(image.device.type, enabled=False):
        one, other = unit_pairs(image, text)
        distance = 2 - 2 * one @ other.T
        apart = ~same_class(label)
        own = distance.diagonal()[:, None]
        hinges = (F.relu(margin + own - distance)
                  + F.relu(margin + own - distance.T)) / 2
        return (hinges * apart).sum() / apart.sum().clamp(min=1)


@MODELS.register_module()
class ClassTripletLoss(nn.Module):
    """Weighted :func:`class_triplets`.

    Args:
        margin: By how much others have to be farther off.
        loss_weight: Factor on the value.

    Raises:
        ValueError: The margin is negative.
    """
    name = 'triplet'

    def __init__(self, margin: float = .5, loss_weight: float = 1.) -> None:
        super().__init__()
        if margin < 0:
            raise ValueError(f'margin must not be negative, got {margin}')
        self.margin = margin
        self.loss_weight = loss_weight

    def forward(self, image: Tensor, text: Tensor, label: Tensor) -> Tensor:
        """Compute the weighted loss of (B, D) vectors and labels, a scalar."""
        return self.loss_weight * class_triplets(image, text, label,
                                                 self.margin)
