"""A pathway without layers, for towers that are aligned already."""
from __future__ import annotations

from typing import Optional

import torch.nn.functional as F
from mmengine.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class IdentityPathway(nn.Module):
    """Hands its input to the shared head as it is.

    Dual encoders (CLIP, SigLIP) bring image and text into one space before
    they come here; layers of their own for each modality would undo that.
    Both taps, ``fc6`` and ``fc7``, are the input, so that
    ``representation='fc7'`` compares the untouched towers.

    Args:
        in_features: Size D of its input. None: the model finds it out.
        normalized: Whether to scale each vector to length 1.
    """

    def __init__(self, in_features: Optional[int] = None,
                 normalized: bool = True) -> None:
        super().__init__()
        if in_features is None:
            raise ValueError('in_features must be given where no model finds '
                             'it out')
        self.in_features = self.out_features = in_features
        self.normalized = normalized

    def forward(self, features: Tensor) -> dict[str, Tensor]:
        """Return the input as taps ``fc6`` and ``fc7``, (B, D) each."""
        if self.normalized:
            features = F.normalize(features)
        return dict(fc6=features, fc7=features)
