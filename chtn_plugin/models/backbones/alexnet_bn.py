"""AlexNet with batch normalisation, the backbone of the CHTN release."""
from __future__ import annotations

from typing import Any

from mmengine.registry import MODELS
from torch import Tensor, nn

from ...checks import check_choice

# out channels, kernel, stride, padding, groups, whether a pool follows
_LAYOUTS = {
    'caffe': ((96, 11, 4, 0, 1, True), (256, 5, 1, 2, 2, True),
              (384, 3, 1, 1, 1, False), (384, 3, 1, 1, 2, False),
              (256, 3, 1, 1, 2, True)),
    'torchvision': ((64, 11, 4, 2, 1, True), (192, 5, 1, 2, 1, True),
                    (384, 3, 1, 1, 1, False), (256, 3, 1, 1, 1, False),
                    (256, 3, 1, 1, 1, True)),
}


@MODELS.register_module()
class AlexNetBN(nn.Module):
    """conv1 to pool5 of AlexNet, each convolution normalised.

    Convolution → BN without scale and shift → ReLU (→ max pooling 3/2), as
    released with CHTN (https://arxiv.org/abs/1706.00153). Pools round up, so
    that 224×224 ends in 6×6. A BN with a frozen scale and shift stands before
    conv1 in place of mean subtraction: feed raw pixels, in BGR order with the
    released weights.

    Args:
        layout: ``'caffe'``, the released one (96-256-384-384-256, grouped),
            or ``'torchvision'`` (64-192-384-256-256), to start from weights
            in torchvision's layout.
        norm: Whether there is any BN. Torchvision's own network has none.
        momentum: Share of the newest batch in the running statistics; the
            release's moving-average fraction of 0.9 is 0.1 here.

    Attributes:
        normalization: What the weights of that layout expect of images.

    Raises:
        ValueError: The layout is not one of those above.
    """

    def __init__(self, layout: str = 'caffe', norm: bool = True,
                 momentum: float = 0.1) -> None:
        super().__init__()
        check_choice('layout', layout, _LAYOUTS)
        self.normalization: dict[str, Any] = dict(
            order='BGR' if layout == 'caffe' else 'RGB')
        if norm:
            self.normalization.update(mean=[0.], std=[1.])
        elif layout == 'torchvision':
            self.normalization.update(mean=[123.675, 116.28, 103.53],
                                      std=[58.395, 57.12, 57.375])
        self.input_norm: nn.Module = nn.Identity()
        if norm:
            self.input_norm = nn.BatchNorm2d(3, momentum=momentum)
            self.input_norm.requires_grad_(False)
        channels, stages = 3, []
        for out, kernel, stride, padding, groups, pool in _LAYOUTS[layout]:
            stage = nn.Sequential()
            conv = nn.Conv2d(channels, out, kernel, stride, padding,
                             groups=groups)
            nn.init.kaiming_normal_(conv.weight)
            assert conv.bias is not None
            nn.init.zeros_(conv.bias)
            stage.add_module('conv', conv)
            if norm:
                stage.add_module('norm', nn.BatchNorm2d(
                    out, affine=False, momentum=momentum))
            stage.add_module('relu', nn.ReLU(inplace=True))
            if pool:
                stage.add_module('pool', nn.MaxPool2d(
                    3, 2, ceil_mode=layout == 'caffe'))
            stages.append(stage)
            channels = out
        self.stages = nn.Sequential(*stages)

    def forward(self, images: Tensor) -> Tensor:
        """Map (B, 3, H, W) to (B, 256, h, w); 224×224 gives 6×6."""
        return self.stages(self.input_norm(images))
