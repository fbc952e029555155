"""Name the layers of VGG in the layouts of torchvision and mmpretrain."""
from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

# Convolutions of each of the five blocks, by how many there are in all.
_BLOCKS = {8: (1, 1, 2, 2, 2), 10: (2, 2, 2, 2, 2), 13: (2, 2, 3, 3, 3),
           16: (2, 2, 4, 4, 4)}
_FULLY_CONNECTED = {'fc6': 'classifier.0', 'fc7': 'classifier.3',
                    'fc8': 'classifier.6'}
_NORM_PARTS = ('weight', 'bias', 'running_mean', 'running_var')
_FEATURE = re.compile(r'(features\.(\d+)(?:\.conv|\.bn)?)\.weight')


def vgg_layers(state: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """Return the layers of a VGG, by their paper's names.

    ``conv1_1`` to ``conv5_4``, ``fc6`` to ``fc8``, and with batch
    normalisation ``conv1_1_norm`` and so on. They fit ``mmpretrain.VGG`` of
    that depth, with ``norm_cfg=dict(type='BN')`` where there is
    normalisation. The input is RGB, normalised by ImageNet's mean and
    deviation; 224×224 ends in 512×7×7 = 25,088 features.

    Args:
        state: Its state dictionary, of ``torchvision.models.vgg11`` to
            ``vgg19_bn`` or of ``mmpretrain.VGG`` with its classifier.

    Raises:
        KeyError: A layer is missing.
    """
    numbered = sorted((int(match[2]), match[1]) for match in map(
        _FEATURE.fullmatch, state) if match)
    modules = [module for _, module in numbered]
    convolutions = [module for module in modules
                    if state[f'{module}.weight'].dim() == 4]
    norms = [module for module in modules if module not in convolutions]
    if len(convolutions) not in _BLOCKS:
        raise KeyError(f'a VGG has {list(_BLOCKS)} convolutions, this one '
                       f'has {len(convolutions)}')
    if norms and len(norms) != len(convolutions):
        raise KeyError('batch normalisation must follow every convolution or '
                       f'none: there are {len(norms)} and '
                       f'{len(convolutions)}')
    names = [f'conv{block}_{number}' for block, size in enumerate(
        _BLOCKS[len(convolutions)], 1) for number in range(1, size + 1)]
    places = {**dict(zip(names, convolutions, strict=True)),
              **_FULLY_CONNECTED}
    layers = {name: _parts(state, name, module, ('weight', 'bias'))
              for name, module in places.items()}
    for name, module in zip(names, norms, strict=False):
        layers[f'{name}_norm'] = _parts(state, name, module, _NORM_PARTS)
    return layers


def vgg_modules(layers: Mapping[str, Any]) -> dict[str, str]:
    """Name the ``mmpretrain.VGG`` module of each layer.

    Args:
        layers: As :func:`vgg_layers` gives them.
    """
    modules, place = {}, 0
    for block, size in enumerate(_BLOCKS[_count(layers)], 1):
        for number in range(1, size + 1):
            name = f'conv{block}_{number}'
            modules[name] = f'features.{place}.conv'
            if f'{name}_norm' in layers:
                modules[f'{name}_norm'] = f'features.{place}.bn'
            place += 1
        place += 1  # the pool
    return modules


def vgg_backbone(layers: Mapping[str, Any]) -> dict[str, Any]:
    """Return the config of the ``mmpretrain.VGG`` that the layers fit.

    Args:
        layers: As :func:`vgg_layers` gives them.
    """
    norm = dict(type='BN') if 'conv1_1_norm' in layers else None
    return dict(type='mmpretrain.VGG', depth=_count(layers) + 3,
                norm_cfg=norm)


def _count(layers: Mapping[str, Any]) -> int:
    return sum(name.startswith('conv') and not name.endswith('_norm')
               for name in layers)


def _parts(state: Mapping[str, Tensor], name: str, module: str,
           parts: tuple[str, ...]) -> dict[str, Tensor]:
    missing = [f'{module}.{part}' for part in parts
               if f'{module}.{part}' not in state]
    if missing:
        raise KeyError(f'{name} is missing: a VGG has {missing[0]!r}, this '
                       f'one has {len(state)} others, as {list(state)[:3]}')
    return {part: state[f'{module}.{part}'] for part in parts}
