"""The trunk: any registered backbone, ending in one vector an image."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

import torch
from mmengine.registry import MODELS
from torch import Tensor, nn

MODES = ('train', 'adapt', 'frozen')
POOLINGS = ('flatten', 'average')


class Trunk(nn.Module):
    """What source and target images go through together.

    Args:
        backbone: Config of a registered backbone (``mmpretrain.ResNet``, …).
            None: the images are ready features and pass unchanged.
        input_shape: Shape of one image, (channels, H, W), or (D,).
        mode: What training changes. ``'adapt'``, as released: the weights
            are frozen, batch normalisation goes on using and gathering the
            statistics of the mixed batch. ``'train'``: everything.
            ``'frozen'``: nothing, the backbone stays in evaluation mode.
        pooling: How a feature map becomes a vector: ``'flatten'`` (AlexNet's
            6×6×256 = 9216) or ``'average'`` over the places. Vectors pass
            as they are; of several stages the last is taken.

    Attributes:
        out_features: Size of the vector, found out by running it.

    Raises:
        ValueError: An option is not one of those above, or the backbone's
            output is no feature map and no vector.
    """

    def __init__(self,
                 backbone: Optional[dict],
                 input_shape: Sequence[int],
                 mode: str = 'adapt',
                 pooling: str = 'flatten') -> None:
        super().__init__()
        if mode not in MODES:
            raise ValueError(f'mode of the trunk must be one of '
                             f'{list(MODES)}, got {mode!r}')
        if pooling not in POOLINGS:
            raise ValueError(f'pooling must be one of {list(POOLINGS)}, '
                             f'got {pooling!r}')
        self.mode = mode
        self.pooling = pooling
        self.backbone = (nn.Identity() if backbone is None else
                         MODELS.build(backbone))
        if mode != 'train':
            self.backbone.requires_grad_(False)
        self.out_features = self._probe(tuple(input_shape))

    @torch.no_grad()
    def _probe(self, input_shape: tuple[int, ...]) -> int:
        training = self.backbone.training
        self.backbone.eval()
        out = self._pooled(self.backbone(torch.zeros(1, *input_shape)))
        self.backbone.train(training)
        return out.shape[1]

    def train(self, mode: bool = True) -> Trunk:
        """Set training mode, except for a frozen backbone."""
        super().train(mode)
        if self.mode == 'frozen':
            self.backbone.eval()
        return self

    def forward(self, images: Tensor) -> Tensor:
        """(B, channels, H, W) or (B, D) to (B, out_features)."""
        with torch.set_grad_enabled(torch.is_grad_enabled()
                                    and self.mode == 'train'):
            return self._pooled(self.backbone(images))

    def _pooled(self, features) -> Tensor:
        if isinstance(features, (tuple, list)):
            features = features[-1]
        if features.dim() == 4:
            features = (features.mean((2, 3)) if self.pooling == 'average'
                        else features.flatten(1))
        if features.dim() != 2:
            raise ValueError('a backbone must end in (B, D) or (B, D, H, W), '
                             f'got {tuple(features.shape)}')
        return features
