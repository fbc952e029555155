"""Turn a classifier's layers into the weights that CHTN starts from."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

import torch
from mmengine.registry import MODELS
from torch import Tensor

from .vgg import vgg_backbone, vgg_modules

CONVOLUTIONS = ('conv1', 'conv2', 'conv3', 'conv4', 'conv5')
FULLY_CONNECTED = ('fc6', 'fc7', 'fc8')
LAYERS = (*CONVOLUTIONS, *FULLY_CONNECTED)
INPUT = 'input'
# Parts of a layer that belong to the batch normalisation after it.
_STATISTICS = ('running_mean', 'running_var')
_ALEXNET = {INPUT: 'input_norm', **{
    f'{name}{suffix}': f'stages.{number}.{module}'
    for number, name in enumerate(CONVOLUTIONS)
    for suffix, module in (('', 'conv'), ('_norm', 'norm'))}}


def start_weights(layers: Mapping[str, Mapping[str, Tensor]]
                  ) -> dict[str, Tensor]:
    """Name a classifier's weights as CHTN does.

    The convolutions become the trunk; fc6 and fc7 those of *both* image
    pathways; fc8 the source classifier. Text pathway and common head start
    anew, as released.

    Args:
        layers: Tensors of ``conv1`` to ``conv5`` (AlexNet) or ``conv1_1`` to
            ``conv5_4`` (VGG), ``fc6``, ``fc7`` and ``fc8`` by name:
            ``weight`` and ``bias``, and of the batch normalisation behind
            the layer ``running_mean`` and ``running_var``, or all four of
            it as a layer ``conv1_1_norm``. ``input``, the normalisation
            before conv1, may be absent.

    Returns:
        A state dictionary of a part of CHTN.

    Raises:
        KeyError: A layer is missing.
    """
    modules = vgg_modules(layers) if _is_vgg(layers) else _ALEXNET
    needed = [name for name in (*modules, *FULLY_CONNECTED)
              if name != INPUT and not name.endswith('_norm')]
    missing = [name for name in needed if name not in layers]
    if missing:
        raise KeyError(f'the layers {needed} are needed, missing: {missing}')
    weights: dict[str, Tensor] = {}

    def put(layer: str, module: str, norm: str) -> None:
        for name, value in layers[layer].items():
            place = norm if name in _STATISTICS else module
            weights[f'{place}.{name}'] = value

    for name, module in modules.items():
        if name in layers:
            norm = modules.get(f'{name}_norm', module)
            put(name, f'trunk.backbone.{module}', f'trunk.backbone.{norm}')
    for pathway in ('image_pathway', 'source_pathway'):
        for name in ('fc6', 'fc7'):
            put(name, f'{pathway}.{name}', f'{pathway}.norm_{name}')
    put('fc8', 'source_classifier', 'source_classifier')
    return weights


def backbone_of(layers: Mapping[str, Any], layout: str) -> dict[str, Any]:
    """Return the config of the backbone that a classifier's layers fit.

    Args:
        layers: As for :func:`start_weights`.
        layout: Of :class:`AlexNetBN`, where it is one.
    """
    return (vgg_backbone(layers) if _is_vgg(layers) else
            dict(type='AlexNetBN', layout=layout))


def fitted_to(model: Optional[dict], backbone: Mapping[str, Any],
              weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Check weights against a model, without spending its memory.

    Args:
        model: Config of a CHTN; None: the released one with ``backbone``.
        backbone: As :func:`backbone_of` gives it.
        weights: As :func:`start_weights` gives them.

    Returns:
        The weights that the model has a place for: a model without a source
        domain takes none for it.

    Raises:
        ValueError: A weight has another shape in the model, or no place.
    """
    model = model or dict(type='CHTN', num_classes=1, backbone=dict(backbone))
    with torch.device('meta'):
        expected = MODELS.build(model).state_dict()
    has_source = any(name.startswith('source_') for name in expected)
    kept = {name: value for name, value in weights.items()
            if has_source or not name.startswith('source_')}
    for name, value in kept.items():
        if name not in expected:
            options = ', '.join(f'{key}={option!r}' for key, option in
                                backbone.items() if key != 'type')
            raise ValueError(
                f'the model has no {name}, which the file has for it: do '
                f"its trunk ({backbone['type']}, {options}) and its 'norm' "
                'options fit the file?')
        if value.shape != expected[name].shape:
            raise ValueError(
                f'weights must have the shapes of the model: {name} is '
                f'{tuple(expected[name].shape)} there and '
                f'{tuple(value.shape)} in the file')
    return kept


def _is_vgg(layers: Mapping[str, Any]) -> bool:
    return 'conv1_1' in layers
