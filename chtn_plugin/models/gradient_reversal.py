"""The gradient reversal layer of adversarial training."""
from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


class _Reverse(torch.autograd.Function):

    @staticmethod
    def forward(ctx: Any, rows: Tensor, strength: float) -> Tensor:
        ctx.strength = strength
        return rows.view_as(rows)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return -ctx.strength * grad, None


class GradientReversal(nn.Module):
    """Identity whose gradient is multiplied by minus the strength.

    Ganin and Lempitsky 2015 (https://arxiv.org/abs/1409.7495): what follows
    learns to tell two modalities apart, what comes before to make them alike.

    Args:
        strength: λ in (0, 1]. Above 1 the adversary's gradient outweighs
            what it is to be balanced with, and training diverges.

    Raises:
        ValueError: The strength is not in (0, 1].
    """

    def __init__(self, strength: float = 1.) -> None:
        super().__init__()
        if not 0 < strength <= 1:
            raise ValueError('the strength of a gradient reversal must be in '
                             f'(0, 1], got {strength}')
        self.strength = strength

    def forward(self, rows: Tensor) -> Tensor:
        """Return rows unchanged; their gradient will be reversed."""
        return _Reverse.apply(rows, self.strength)
