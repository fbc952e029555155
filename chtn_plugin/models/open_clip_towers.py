"""Wrap the two towers of an open_clip model."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from mmengine.registry import MODELS
from torch import Tensor, nn

from ..storage.open_clip_files import build_open_clip, load_open_clip
from .text_inputs import check_text


class _Tower(nn.Module):
    """A tower that stays as it is.

    Args:
        model: Name, as :func:`load_open_clip` takes it.
        architecture: ``model_cfg`` of open_clip, in place of reading it; the
            weights are then random or a checkpoint's.
    """

    def __init__(self, model: Optional[str] = None,
                 architecture: Optional[Mapping[str, Any]] = None) -> None:
        super().__init__()
        if architecture is not None:
            whole, config = build_open_clip(architecture), dict(architecture)
        elif model is not None:
            whole, config = load_open_clip(model)
        else:
            raise ValueError('a model or its architecture must be given')
        self.architecture: dict[str, Any] = config
        self.model = self.part_of(whole)
        self.requires_grad_(False)
        self.eval()

    @staticmethod
    def part_of(whole: Any) -> Any:
        """Return the part of a model that this tower is."""
        raise NotImplementedError

    def train(self, mode: bool = True) -> _Tower:
        """Stay in evaluation mode: the weights are frozen."""
        return super().train(False)


@MODELS.register_module()
class OpenCLIPVision(_Tower):
    """The image tower of an open_clip model, in the space of its texts."""

    @staticmethod
    def part_of(whole: Any) -> Any:
        """Return the image tower."""
        return whole.visual

    def forward(self, images: Tensor) -> Tensor:
        """Map (B, 3, H, W) to (B, D)."""
        return self.model(images)


@MODELS.register_module()
class OpenCLIPText(_Tower):
    """The text tower of an open_clip model; input by ``OpenCLIPTokens``.

    Attributes:
        out_features: Size D of a text's vector.
    """

    def __init__(self, model: Optional[str] = None,
                 architecture: Optional[Mapping[str, Any]] = None) -> None:
        super().__init__(model, architecture)
        self.out_features = int(self.architecture['embed_dim'])

    @staticmethod
    def part_of(whole: Any) -> Any:
        """Return the model without its image tower."""
        whole.visual = None
        return whole

    def forward(self, text: Mapping[str, Tensor]) -> Tensor:
        """Map ``input_ids`` (B, L) to (B, D)."""
        check_text(text, 'tokens')
        return self.model.encode_text(text['input_ids'])
