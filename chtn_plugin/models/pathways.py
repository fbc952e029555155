"""Pathways: the layers fc6 and fc7 of one domain and modality."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

import torch.nn.functional as F
from mmengine.registry import MODELS
from torch import Tensor, nn

from .text_inputs import check_text


def linear(in_features: int, out_features: int) -> nn.Linear:
    """Make a fully connected layer with MSRA weights and zero bias."""
    layer = nn.Linear(in_features, out_features)
    nn.init.kaiming_normal_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


@MODELS.register_module()
class Pathway(nn.Module):
    """fc6 and fc7: twice linear → BN without scale and shift → ReLU.

    Args:
        in_features: Size D of its input. None: the model finds it out.
        widths: Sizes of fc6 and fc7; the release has 4096 each.
        norm: Whether to normalise, as released. Without it a classifier in
            torchvision's layout can be taken over unchanged.
        dropout: Share of fc6 dropped on its way to fc7, as in AlexNet; the
            release drops none. Taps are whole.
        input_dropout: Share of the input dropped.
        momentum: Share of the newest batch in the running statistics.
    """

    fc6: nn.Linear
    norm_fc6: nn.Module
    fc7: nn.Linear
    norm_fc7: nn.Module

    def __init__(self,
                 in_features: Optional[int] = None,
                 widths: Sequence[int] = (4096, 4096),
                 norm: bool = True,
                 dropout: float = 0.0,
                 input_dropout: float = 0.0,
                 momentum: float = 0.1) -> None:
        super().__init__()
        if in_features is None:
            raise ValueError('in_features must be given where no model finds '
                             'it out')
        if len(widths) != 2:
            raise ValueError('widths must be those of fc6 and fc7, '
                             f'got {list(widths)}')
        self.in_features = in_features
        self.out_features = widths[1]
        for name, size, width in (('fc6', in_features, widths[0]),
                                  ('fc7', widths[0], widths[1])):
            self.add_module(name, linear(size, width))
            self.add_module(f'norm_{name}', nn.BatchNorm1d(
                width, affine=False, momentum=momentum)
                if norm else nn.Identity())
        self.dropout = nn.Dropout(dropout)
        self.input_dropout = nn.Dropout(input_dropout)

    def forward(self, features: Tensor) -> dict[str, Tensor]:
        """Return taps ``fc6`` and ``fc7``, (B, width) each, after ReLU."""
        features = self.input_dropout(features)
        fc6 = F.relu(self.norm_fc6(self.fc6(features)))
        fc7 = F.relu(self.norm_fc7(self.fc7(self.dropout(fc6))))
        return dict(fc6=fc6, fc7=fc7)


@MODELS.register_module()
class VectorTextEncoder(nn.Module):
    """The text's entry for vectors that need no network, as a bag of words.

    Args:
        out_features: Size D of the vector.
        norm: ``'bn'``: batch normalisation with scale and shift, as released;
            it blows up rare terms where pairs are few. ``'l2'``: each vector
            to length 1. None: as it is.

    Raises:
        ValueError: The norm is not one of those above.
    """

    def __init__(self, out_features: int = 3000,
                 norm: Optional[str] = 'bn') -> None:
        super().__init__()
        if norm not in ('bn', 'l2', None):
            raise ValueError(f"norm must be 'bn', 'l2' or None, got {norm!r}")
        self.out_features = out_features
        self.norm = norm
        self.input_norm = (nn.BatchNorm1d(out_features)
                           if norm == 'bn' else nn.Identity())

    def forward(self, text: Any) -> Tensor:
        """Return (B, D) as (B, D).

        Raises:
            ValueError: These are no vectors of that size.
        """
        check_text(text, 'vectors')
        if text.shape[1:] != (self.out_features, ):
            raise ValueError(f'text vectors must be (B, {self.out_features})'
                             f', got {tuple(text.shape)}')
        if self.norm == 'l2':
            return F.normalize(text)
        return self.input_norm(text)
