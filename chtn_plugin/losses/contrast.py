"""Supervised contrastive loss over both modalities."""
from __future__ import annotations

import torch
from mmengine.registry import MODELS
from torch import Tensor, nn

from .labels import same_class
from .pair_rows import check_pairs, unit_pairs


def supervised_contrast(image: Tensor, text: Tensor, label: Tensor,
                        temperature: float = .1) -> Tensor:
    r"""Compute supervised contrastive loss, with images and texts as views.

    Khosla et al. 2020 (https://arxiv.org/abs/2004.11362), equation 2, over
    the 2B rows z of both modalities:

    .. math:: \frac{1}{2B} \sum_a \frac{-1}{|P(a)|} \sum_{p \in P(a)}
              \log \frac{e^{z_a z_p / \tau}}{\sum_{c \ne a} e^{z_a z_c/\tau}}

    P(a): the other rows that share a class with a, its partner among them.
    On several ranks the rows are those of all.

    Args:
        image: Image vectors, (B, D); their length does not count.
        text: Vectors of their texts, (B, D).
        label: Classes, (B,), or multi-hot (B, C).
        temperature: τ.

    Returns:
        Scalar, at least 0.

    Raises:
        ValueError: The shapes differ.
    """
    check_pairs(image, text)
    with torch.autocast(image.device.type, enabled=False):
        rows = torch.cat(unit_pairs(image, text))
        alike = same_class(label).repeat(2, 2)
        own = torch.eye(len(rows), dtype=torch.bool, device=rows.device)
        logits = (rows @ rows.T / temperature).masked_fill(
            own, float('-inf'))
        log_share = logits.log_softmax(1).masked_fill(own, 0.)
        positive = alike & ~own
        return -((log_share * positive).sum(1)
                 / positive.sum(1).clamp(min=1)).mean()


@MODELS.register_module()
class SupervisedContrastLoss(nn.Module):
    """Weighted :func:`supervised_contrast`.

    Args:
        temperature: What cosines are divided by.
        loss_weight: Factor on the value.

    Raises:
        ValueError: The temperature is not positive.
    """
    name = 'contrast'

    def __init__(self, temperature: float = .1,
                 loss_weight: float = 1.) -> None:
        super().__init__()
        if temperature <= 0:
            raise ValueError('temperature must be positive, got '
                             f'{temperature}')
        self.temperature = temperature
        self.loss_weight = loss_weight

    def forward(self, image: Tensor, text: Tensor, label: Tensor) -> Tensor:
        """Compute the weighted loss of (B, D) vectors and labels, a scalar."""
        return self.loss_weight * supervised_contrast(
            image, text, label, self.temperature)
