"""Read the layers of a classifier from a file in torchvision's layout."""
from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...storage.arrays import ArrayFile
from ...storage.torch_files import read_torch_file
from .vgg import vgg_layers

# Torchvision numbers the modules of its two sequences.
_MODULES = {
    'conv1': 'features.0', 'conv2': 'features.3', 'conv3': 'features.6',
    'conv4': 'features.8', 'conv5': 'features.10', 'fc6': 'classifier.1',
    'fc7': 'classifier.4', 'fc8': 'classifier.6',
}


def classifier_layers(state: Mapping[str, Tensor]
                      ) -> dict[str, dict[str, Tensor]]:
    """Return the layers of AlexNet or VGG, by their paper's names.

    Args:
        state: State dictionary of torchvision's network or of mmpretrain's,
            whose names begin with ``backbone.`` in a checkpoint.

    Returns:
        See :func:`torchvision_layers` and
        :func:`~chtn_plugin.models.conversion.vgg.vgg_layers`.

    Raises:
        KeyError: A layer is missing.
    """
    state = {name.removeprefix('backbone.'): value
             for name, value in state.items()}
    # AlexNet has a dropout before its first fully connected layer.
    is_vgg = 'classifier.0.weight' in state
    return vgg_layers(state) if is_vgg else torchvision_layers(state)


def torchvision_layers(state: Mapping[str, Tensor]
                       ) -> dict[str, dict[str, Tensor]]:
    """Return the layers of torchvision's AlexNet, by their paper's names.

    They fit :class:`AlexNetBN` with ``layout='torchvision'``. With
    ``norm=False`` there and in the image pathway, CHTN's source logits are
    that network's; with normalisation, running statistics are gathered anew.
    Its input is RGB, scaled to 0..1, less (0.485, 0.456, 0.406), over
    (0.229, 0.224, 0.225).

    Args:
        state: Its state dictionary.

    Raises:
        KeyError: A layer is missing.
    """
    layers: dict[str, dict[str, Tensor]] = {}
    for name, module in _MODULES.items():
        layers[name] = {}
        for part in ('weight', 'bias'):
            key = f'{module}.{part}'
            if key not in state:
                raise KeyError(
                    f'{name} is missing: a state dictionary in torchvision\'s'
                    f' AlexNet layout has {key!r}, this one has '
                    f'{len(state)} others, as {list(state)[:3]}')
            layers[name][part] = state[key]
    return layers


def read_state_dict(path: str | Path) -> dict[str, Tensor]:
    """Read weights, running nothing that the file may hold.

    Args:
        path: ``.npz``, ``.safetensors``, or a file of ``torch.save``: a
            state dictionary, or a mapping that has one as ``state_dict``.

    Returns:
        Tensors by name, float32, on the CPU.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds no state dictionary.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'weights not found: {path}')
    state: Any
    try:
        if path.suffix == '.npz':
            arrays = ArrayFile(path, 'weights')
            state = {name: torch.from_numpy(arrays.numbers(name))
                     for name in arrays}
        elif path.suffix == '.safetensors':
            from safetensors.torch import load_file
            state = load_file(path)
        else:
            state = read_torch_file(str(path))
    except (pickle.UnpicklingError, RuntimeError, ValueError, EOFError,
            OSError) as error:
        raise ValueError(f'weights must be readable without running code: '
                         f'{path} is not: {error}') from error
    except Exception as error:
        # safetensors has an error type of its own, and is optional.
        raise ValueError(f'{path} cannot be read: {error}') from error
    if isinstance(state, Mapping):
        state = state.get('state_dict', state)
    if not isinstance(state, Mapping) or not state or not all(
            isinstance(value, Tensor) for value in state.values()):
        raise ValueError('a state dictionary must map names to tensors: '
                         f'{path} does not hold one')
    return {name: value.float() for name, value in state.items()}
