"""A pretrained image encoder by its preset, without a method around it."""
from __future__ import annotations

import logging
from typing import Any

from mmengine.logging import MMLogger
from mmengine.registry import MODELS
from torch import nn

from .encoder_presets import ImageEncoder
from .trunk import Trunk


class PresetEncoder(nn.Module):
    """What the feature cache asks of a model: a tower and a preprocessor.

    Args:
        encoder: Names the network, the size of its pictures, and how their
            pixels are normalised. Its weights are read here.
    """

    def __init__(self, encoder: ImageEncoder) -> None:
        super().__init__()
        self.trunk = Trunk(encoder.backbone, (3, encoder.size, encoder.size),
                           'frozen', encoder.pooling)
        _init_quietly(self.trunk.backbone)
        self.data_preprocessor = MODELS.build(dict(
            type='CrossModalDataPreprocessor', mean=list(encoder.mean),
            std=list(encoder.std)))

    def towers(self) -> dict[str, nn.Module]:
        """Return the one tower that it has."""
        return dict(image=self.trunk)


def _init_quietly(backbone: Any) -> None:
    """Let a backbone read its weights, where MMEngine would have it do so.

    MMEngine lists every parameter in the log then.
    """
    if (not hasattr(backbone, 'init_weights')
            or getattr(backbone, 'is_init', False)):
        return
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        backbone.init_weights()
    finally:
        logger.setLevel(level)
