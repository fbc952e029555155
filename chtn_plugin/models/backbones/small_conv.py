"""A small convolutional backbone, trained from scratch on small pictures."""
from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.registry import MODELS
from torch import Tensor, nn

from ..memory_layout import has_narrow_layers


@MODELS.register_module()
class SmallConvNet(nn.Module):
    """3×3 convolution → BN → ReLU → pooling, once a stage.

    For pictures of about 32×32 pixels, such as the demo's glyphs, on a CPU.

    Args:
        channels: Output channels of each stage; a stage halves the size.
        in_channels: Channels of the picture.
    """

    def __init__(self, channels: Sequence[int] = (16, 32, 64, 128),
                 in_channels: int = 1) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for out in channels:
            conv = nn.Conv2d(in_channels, out, 3, padding=1, bias=False)
            nn.init.kaiming_normal_(conv.weight)
            layers += [conv, nn.BatchNorm2d(out), nn.ReLU(inplace=True),
                       nn.MaxPool2d(2)]
            in_channels = out
        self.layers = nn.Sequential(*layers)
        # A CPU convolves channels-last fastest, by a quarter to a half.
        self._layout = (torch.contiguous_format
                        if has_narrow_layers(self.layers)
                        else torch.channels_last)
        self.layers.to(  # type: ignore[call-overload]
            memory_format=self._layout)

    def forward(self, images: Tensor) -> Tensor:
        """Map (B, channels, H, W) to (B, channels', H/2^n, W/2^n)."""
        return self.layers(images.contiguous(memory_format=self._layout))
