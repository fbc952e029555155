"""The layer-sharing correlation subnetwork of CHTN, fc8 to fc10."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

import torch.nn.functional as F
from mmengine.registry import MODELS
from torch import Tensor, nn

from .pathways import linear


@MODELS.register_module()
class CommonHead(nn.Module):
    """fc8 → ReLU → fc9 → ReLU → fc10, the same weights for both modalities.

    No normalisation and, as released, no dropout.

    Args:
        num_classes: Number C of target classes.
        in_features: Size of fc7. None: the model finds it out.
        widths: Sizes of fc8 and fc9; the release has 4096 each.
        dropout: Share of fc7, fc8 and fc9 dropped on the way to the next
            layer.
    """

    def __init__(self,
                 num_classes: int,
                 in_features: Optional[int] = None,
                 widths: Sequence[int] = (4096, 4096),
                 dropout: float = 0.0) -> None:
        super().__init__()
        if in_features is None:
            raise ValueError('in_features must be given where no model finds '
                             'it out')
        if len(widths) != 2:
            raise ValueError('widths must be those of fc8 and fc9, '
                             f'got {list(widths)}')
        self.num_classes = num_classes
        self.fc8 = linear(in_features, widths[0])
        self.fc9 = linear(widths[0], widths[1])
        self.fc10 = linear(widths[1], num_classes)
        self.dropout = nn.Dropout(dropout)

    def forward(self, fc7: Tensor) -> dict[str, Tensor]:
        """Return taps ``fc8``, ``fc9`` after ReLU, and logits ``fc10``."""
        fc8 = F.relu(self.fc8(self.dropout(fc7)))
        fc9 = F.relu(self.fc9(self.dropout(fc8)))
        return dict(fc8=fc8, fc9=fc9, fc10=self.fc10(self.dropout(fc9)))
