"""Models of the transformers package, from a folder, a name or a config."""
from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Optional

import torch
from torch import nn

_TOWERS = ('image', 'text')
# What says where a model came from, not what it is.
_INCIDENTAL = ('_name_or_path', 'architectures', 'dtype', 'id2label',
               'label2id', 'torch_dtype', 'transformers_version')


def load_hf_model(model: Optional[str],
                  architecture: Optional[Mapping[str, Any]],
                  tower: str,
                  lora: Optional[Mapping[str, Any]] = None) -> Any:
    """A model of transformers, in float32.

    Of a dual encoder (CLIP, SigLIP, …) the other tower is left out.

    Args:
        model: Local folder, or name on the Hugging Face hub.
        architecture: What its ``config.json`` holds. Where given, no file is
            read and the weights are random: a checkpoint brings them.
        tower: ``'image'`` or ``'text'``.
        lora: Arguments of peft's ``LoraConfig``: small trained matrices
            beside frozen weights. Needs ``pip install peft``.

    Raises:
        ValueError: Neither a model nor its architecture is given.
        FileNotFoundError: The model is no folder and cannot be had from the
            hub.
        ImportError: peft is wanted and not installed.
    """
    from transformers import AutoConfig, AutoModel
    if tower not in _TOWERS:
        raise ValueError(f'tower must be one of {list(_TOWERS)}, '
                         f'got {tower!r}')
    if architecture is not None:
        if 'model_type' not in architecture:
            raise ValueError('an architecture must name its model_type, got '
                             f'{sorted(architecture)}')
        loaded = AutoModel.from_config(AutoConfig.for_model(
            **json.loads(json.dumps(dict(architecture)))))
    elif model is not None:
        try:
            loaded = AutoModel.from_pretrained(model, dtype=torch.float32)
        except OSError as error:
            raise not_to_be_had(model) from error
    else:
        raise ValueError('a model (folder or name) or its architecture must '
                         'be given')
    loaded = _one_tower(loaded.float(), tower)
    if lora is not None:
        try:
            from peft import LoraConfig, inject_adapter_in_model
        except ImportError as error:
            raise ImportError('lora needs the peft package: pip install '
                              'peft') from error
        loaded = inject_adapter_in_model(LoraConfig(**lora), loaded)
    return loaded


def not_to_be_had(name: str) -> FileNotFoundError:
    """The error for a folder or hub name of which nothing can be read."""
    return FileNotFoundError(
        f'{name!r} is no folder of a transformers model, and the Hugging '
        'Face hub does not give it from here. Without network: run '
        f'`hf download {name} --local-dir DIR` where there is one, copy DIR, '
        'and name it in the config')


def architecture_of(model: Any) -> dict[str, Any]:
    """What :func:`load_hf_model` builds the same model from, plain types."""
    architecture = json.loads(model.config.to_json_string(use_diff=True))
    architecture['model_type'] = model.config.model_type
    for name in _INCIDENTAL:
        architecture.pop(name, None)
        for part in architecture.values():
            if isinstance(part, dict):
                part.pop(name, None)
    return architecture


def is_dual(model: nn.Module) -> bool:
    """Whether it is a dual encoder, with a projection to a common space."""
    return all(hasattr(model, f'get_{tower}_features') for tower in _TOWERS)


def projected(output: Any) -> torch.Tensor:
    """The tensor (B, D) that ``get_*_features`` gives, old or new."""
    return (output if isinstance(output, torch.Tensor)
            else output.pooler_output)


def _one_tower(model: nn.Module, tower: str) -> nn.Module:
    if not is_dual(model):
        return model
    others = (('text_model', 'text_projection') if tower == 'image' else
              ('vision_model', 'visual_projection', 'vision_projection'))
    for name in (*others, 'logit_scale', 'logit_bias'):
        if isinstance(getattr(model, name, None), nn.Module):
            setattr(model, name, None)
        elif isinstance(getattr(model, name, None), nn.Parameter):
            delattr(model, name)
    return model
