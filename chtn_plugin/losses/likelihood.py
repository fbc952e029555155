"""Likelihood that two items share a class, the second term of DSCMR."""
from __future__ import annotations

import torch
import torch.nn.functional as F
from mmengine.registry import MODELS
from torch import Tensor, nn

from .labels import same_class
from .pair_rows import check_pairs, unit_pairs


def pair_likelihood(image: Tensor, text: Tensor, label: Tensor,
                    scale: float = 5.) -> Tensor:
    r"""Compute the negative log likelihood of sharing a class, as a mean.

    DSCMR (CVPR 2019), equation 6, with means in place of sums:

    .. math:: \overline{\log(1 + e^{\Gamma_{ab}}) - S_{ab} \Gamma_{ab}},
              \quad \Gamma_{ab} = s \cos(a, b)

    over all image/text, image/image and text/text pairs of the batch, each
    kind alike; S is 1 where the two share a class. The paper has s = 1/2:
    then Γ stays in [-1/2, 1/2], and the loss between .47 and .97 whatever
    the vectors. A larger scale is what makes the term matter.

    Args:
        image: Image vectors, (B, D); their length does not count.
        text: Vectors of their texts, (B, D).
        label: Classes, (B,), or multi-hot (B, C).
        scale: s.

    Returns:
        Scalar, positive; log 2 where all vectors are at right angles.

    Raises:
        ValueError: The shapes differ.
    """
    check_pairs(image, text)
    with torch.autocast(image.device.type, enabled=False):
        one, other = unit_pairs(image, text)
        alike = same_class(label).to(one.dtype)
        return torch.stack([F.binary_cross_entropy_with_logits(
            scale * a @ b.T, alike) for a, b in (
                (one, other), (one, one), (other, other))]).mean()


@MODELS.register_module()
class PairLikelihoodLoss(nn.Module):
    """Weighted :func:`pair_likelihood`.

    Args:
        scale: What cosines are multiplied by.
        loss_weight: Factor on the value.

    Raises:
        ValueError: The scale is not positive.
    """
    name = 'likelihood'

    def __init__(self, scale: float = 5., loss_weight: float = 1.) -> None:
        super().__init__()
        if scale <= 0:
            raise ValueError(f'scale must be positive, got {scale}')
        self.scale = scale
        self.loss_weight = loss_weight

    def forward(self, image: Tensor, text: Tensor, label: Tensor) -> Tensor:
        """Compute the weighted loss of (B, D) vectors and labels, a scalar."""
        return self.loss_weight * pair_likelihood(image, text, label,
                                                  self.scale)
