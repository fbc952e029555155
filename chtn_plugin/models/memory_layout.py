"""Which convolutions may lie channels-last."""
from __future__ import annotations

from torch import nn


def has_narrow_layers(module: nn.Module) -> bool:
    """Whether a convolution over neighbours has fewer than 8 outputs.

    Channels-last, the gradient of four channels writes beyond its memory on
    a CPU without AVX-512 (torch 2.13), which ends the process sooner or later.
    So few gain nothing from the layout.
    """
    return any(isinstance(part, nn.Conv2d) and part.out_channels < 8
               and max(part.kernel_size) > 1 for part in module.modules())
