"""A classifier's layers, to the weights that CHTN starts from."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Optional

import torch
from mmengine.registry import MODELS
from torch import Tensor

CONVOLUTIONS = ('conv1', 'conv2', 'conv3', 'conv4', 'conv5')
LAYERS = (*CONVOLUTIONS, 'fc6', 'fc7', 'fc8')
INPUT = 'input'
# What of a layer belongs to the batch normalisation behind it.
_STATISTICS = ('running_mean', 'running_var')


def start_weights(layers: Mapping[str, Mapping[str, Tensor]]
                  ) -> dict[str, Tensor]:
    """Name a classifier's weights as CHTN does.

    conv1 to conv5 become the trunk; fc6 and fc7 those of *both* image
    pathways; fc8 the source classifier. Text pathway and common head start
    anew, as released.

    Args:
        layers: Tensors of ``conv1`` to ``conv5``, ``fc6``, ``fc7`` and
            ``fc8`` by name: ``weight`` and ``bias``, and of the batch
            normalisation behind the layer ``running_mean`` and
            ``running_var``. ``input``, the normalisation before conv1, may
            be absent.

    Returns:
        A state dictionary of a part of CHTN.

    Raises:
        KeyError: A layer is missing.
    """
    missing = [name for name in LAYERS if name not in layers]
    if missing:
        raise KeyError(f'the layers {list(LAYERS)} are needed, missing: '
                       f'{missing}')
    weights: dict[str, Tensor] = {}

    def put(layer: str, module: str, norm: str) -> None:
        for name, value in layers[layer].items():
            place = norm if name in _STATISTICS else module
            weights[f'{place}.{name}'] = value

    if INPUT in layers:
        put(INPUT, 'trunk.backbone.input_norm', 'trunk.backbone.input_norm')
    for number, name in enumerate(CONVOLUTIONS):
        stage = f'trunk.backbone.stages.{number}'
        put(name, f'{stage}.conv', f'{stage}.norm')
    for pathway in ('image_pathway', 'source_pathway'):
        for name in ('fc6', 'fc7'):
            put(name, f'{pathway}.{name}', f'{pathway}.norm_{name}')
    put('fc8', 'source_classifier', 'source_classifier')
    return weights


def fitted_to(model: Optional[dict], layout: str,
              weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Check weights against a model, without spending its memory.

    Args:
        model: Config of a CHTN; None: the released one with ``layout``.
        layout: Of :class:`AlexNetBN`.
        weights: As :func:`start_weights` gives them.

    Returns:
        The weights that the model has a place for: a model without a source
        domain takes none for it.

    Raises:
        ValueError: A weight has another shape in the model, or no place.
    """
    model = model or dict(type='CHTN', num_classes=1,
                          backbone=dict(type='AlexNetBN', layout=layout))
    with torch.device('meta'):
        expected = MODELS.build(model).state_dict()
    has_source = any(name.startswith('source_') for name in expected)
    kept = {name: value for name, value in weights.items()
            if has_source or not name.startswith('source_')}
    for name, value in kept.items():
        if name not in expected:
            raise ValueError(
                f'the model has no {name}, which the file has for it: do '
                f"its trunk (AlexNetBN, layout={layout!r}) and its 'norm' "
                'options fit the file?')
        if value.shape != expected[name].shape:
            raise ValueError(
                f'{_origin(name)} must have the shape of the model: {name} is '
                f'{tuple(expected[name].shape)} there and '
                f'{tuple(value.shape)} in the file')
    return kept


def _origin(name: str) -> str:
    """The classifier's layer that a weight of CHTN comes from."""
    if name.startswith('source_classifier.'):
        return 'fc8'
    if '.stages.' in name:
        return CONVOLUTIONS[int(name.split('.')[3])]
    return INPUT if 'input_norm' in name else (
        name.split('.')[1].removeprefix('norm_'))
