"""Turn a Caffe net into the layers of AlexNet with batch normalisation."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from .caffemodel import CaffeLayer
from .start import CONVOLUTIONS, INPUT, LAYERS

_WEIGHTED = ('Convolution', 'InnerProduct')
# What PyTorch adds to the variance; a net that adds more has it in the
# variance.
_EPS = 1e-5


def caffe_layers(net: Sequence[CaffeLayer]) -> dict[str, dict[str, Tensor]]:
    """Return the layers of AlexNet with batch normalisation, by name.

    They fit :class:`AlexNetBN` with ``layout='caffe'``: convolutions and
    fully connected layers must be called ``conv1`` to ``conv5`` and ``fc6``
    to ``fc8``. A BatchNorm belongs to the layer whose output it reads; one
    on the data, before conv1, to the input. Its input is raw BGR pixels.

    Args:
        net: As :func:`read_caffemodel` reads it.

    Returns:
        For :func:`start_weights`.

    Raises:
        KeyError: A layer is missing, or its normalisation.
        ValueError: A layer has not the blobs that its type needs, or a Scale
            stands where the network has none.
    """
    layers: dict[str, dict[str, Tensor]] = {}
    # Which weighted layer made a blob; of one that no layer made (the data)
    # its own name. Layers may work in place.
    makers: dict[str, str] = {}
    others: set[str] = set()
    data = None
    for layer in net:
        if not layer.bottoms:
            continue
        maker = makers.get(layer.bottoms[0], layer.bottoms[0])
        if layer.type in _WEIGHTED:
            if layer.name == 'conv1':
                data = maker
            maker = layer.name
            if maker in LAYERS:
                layers.setdefault(maker, {}).update(_weighted(layer))
            else:
                others.add(maker)
        elif layer.blobs and maker not in others:
            layers.setdefault(maker, {}).update(_normalising(
                layer, maker, may_scale=maker not in LAYERS))
        for top in layer.tops:
            makers[top] = maker
    missing = [name for name in LAYERS if 'weight' not in layers.get(name, {})]
    if missing:
        raise KeyError(
            f'the layers {list(LAYERS)} are needed, missing: {missing}. '
            f'The file has {[layer.name for layer in net if layer.blobs]}')
    plain = [name for name in (*CONVOLUTIONS, 'fc6', 'fc7')
             if 'running_mean' not in layers[name]]
    if plain:
        raise KeyError('a BatchNorm must follow each of conv1 to fc7, none '
                       f'follows {plain}: is the file of the variant with '
                       'batch normalisation?')
    if data in layers:
        layers[INPUT] = layers[data]
    return {name: layers[name] for name in (INPUT, *LAYERS) if name in layers}


def _weighted(layer: CaffeLayer) -> dict[str, Tensor]:
    if len(layer.blobs) != 2:
        raise ValueError(f'layer {layer.name!r} must have a weight and a '
                         f'bias, got {len(layer.blobs)} blobs')
    weight, bias = layer.blobs
    if layer.type == 'InnerProduct':
        # The old format has four dimensions always.
        weight = weight.reshape(weight.shape[-2:])
    return dict(weight=_tensor(weight), bias=_tensor(bias.reshape(-1)))


def _normalising(layer: CaffeLayer, maker: str,
                 may_scale: bool) -> dict[str, Tensor]:
    if layer.type == 'BatchNorm':
        return _statistics(layer)
    if layer.type != 'Scale' or len(layer.blobs) != 2:
        raise ValueError(f'layer {layer.name!r} after {maker!r} must be a '
                         'BatchNorm, or a Scale with a shift, got type '
                         f'{layer.type!r} with {len(layer.blobs)} blobs')
    scale, shift = (blob.reshape(-1) for blob in layer.blobs)
    if may_scale:
        return dict(weight=_tensor(scale), bias=_tensor(shift))
    if not np.allclose(scale, 1) or not np.allclose(shift, 0):
        raise ValueError(
            'only the input is scaled and shifted after its normalisation, '
            f'layer {layer.name!r} does it after {maker!r}: scales up to '
            f'{scale.max():.4g}, shifts up to {abs(shift).max():.4g}')
    return {}


def _statistics(layer: CaffeLayer) -> dict[str, Tensor]:
    """Running mean and variance; Caffe keeps both times a factor."""
    if len(layer.blobs) != 3 or layer.blobs[2].size != 1:
        raise ValueError(
            f'BatchNorm {layer.name!r} must have mean, variance and one '
            f'factor, got the shapes {[blob.shape for blob in layer.blobs]}')
    mean, variance, factor = (blob.reshape(-1) for blob in layer.blobs)
    scale = 0 if factor[0] == 0 else 1 / factor[0]
    return dict(running_mean=_tensor(mean * scale),
                running_var=_tensor(variance * scale + (layer.eps - _EPS)))


def _tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, np.float32))
