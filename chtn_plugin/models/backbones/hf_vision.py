"""Wrap vision models of the transformers package as backbones."""
from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Optional

from mmengine.registry import MODELS
from torch import Tensor, nn

from ...checks import check_choice
from ...storage.hf_files import (
    architecture_of,
    hf_place,
    is_dual,
    load_hf_model,
    projected,
)

OUTPUTS = ('tokens', 'pooler', 'projection')


@MODELS.register_module()
class HFVisionBackbone(nn.Module):
    """ViT, DINOv2, CLIP, SigLIP, ConvNeXt, … as ``AutoModel`` knows them.

    Args:
        model: Local folder, or name on the Hugging Face hub.
        architecture: What its ``config.json`` holds, in place of reading it;
            the weights are then random or a checkpoint's.
        output: ``'tokens'``: the last hidden state, (B, L, D) or a map
            (B, D, H, W), which the trunk pools. ``'pooler'``: the model's
            own vector. ``'projection'``: that of a dual encoder in the space
            it shares with its texts.
        lora: Arguments of peft's ``LoraConfig``.

    Attributes:
        normalization: What the weights expect of images (see
            :func:`~chtn_plugin.models.normalization.expected_pixels`); None
            where the folder does not say.

    Raises:
        ValueError: The output is not one of those above, or the model does
            not have it.
    """

    # Not a BaseModule: MMEngine's init_weights would reach the model's own
    # method of that name, which draws the weights anew.
    def __init__(self,
                 model: Optional[str] = None,
                 architecture: Optional[Mapping[str, Any]] = None,
                 output: str = 'tokens',
                 lora: Optional[Mapping[str, Any]] = None) -> None:
        super().__init__()
        check_choice('output', output, OUTPUTS)
        self.output = output
        self.model: Any = load_hf_model(model, architecture, 'image', lora)
        if output == 'projection' and not is_dual(self.model):
            raise ValueError("output 'projection' needs a dual encoder, "
                             f'got {type(self.model).__name__}')
        self.architecture = architecture_of(self.model)
        self.normalization = (None if architecture is not None
                              else _normalization(str(model)))

    def gradient_checkpointing_enable(self) -> None:
        """Compute activations anew in the backward pass."""
        self.model.gradient_checkpointing_enable()

    def forward(self, images: Tensor) -> Tensor:
        """Map (B, 3, H, W) to what ``output`` names."""
        if self.output == 'projection':
            return projected(self.model.get_image_features(
                pixel_values=images))
        model = self.model.vision_model if is_dual(self.model) else self.model
        result = model(pixel_values=images)
        if self.output == 'tokens':
            return result.last_hidden_state
        vector = getattr(result, 'pooler_output', None)
        if vector is None:
            raise ValueError("output 'pooler' needs a model with a pooler: "
                             f'{type(model).__name__} has none')
        return vector.flatten(1)


def _normalization(model: str) -> Optional[dict[str, Any]]:
    from transformers.utils import cached_file
    try:
        path = cached_file(hf_place(model), 'preprocessor_config.json')
    except OSError:
        return None
    if path is None:
        return None
    with open(path, encoding='utf-8') as file:
        stored = json.load(file)
    if not stored.get('do_normalize', True) or 'image_mean' not in stored:
        return None
    # The stored numbers hold for pixels times rescale_factor.
    scale = 1 / stored.get('rescale_factor', 1 / 255)
    expected: dict[str, Any] = {
        name: [value * scale for value in stored[f'image_{name}']]
        for name in ('mean', 'std')}
    size = stored.get('crop_size') if stored.get('do_center_crop') else None
    size = size or stored.get('size')
    if isinstance(size, Mapping):
        size = ((size['height'], size['width']) if 'height' in size else None)
    return dict(expected, order='RGB', **({} if size is None else
                                          dict(size=size)))
