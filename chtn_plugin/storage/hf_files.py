"""Load models of the transformers package from a folder, hub or config."""
from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Optional

import torch
from torch import nn

from ..checks import check_choice
from .pip_weights import SCHEME, pip_weights

_TOWERS = ('image', 'text')
# Configuration keys that name a model's origin, not its architecture.
_INCIDENTAL = ('_name_or_path', 'architectures', 'dtype', 'id2label',
               'label2id', 'torch_dtype', 'transformers_version')


def load_hf_model(model: Optional[str],
                  architecture: Optional[Mapping[str, Any]],
                  tower: str,
                  lora: Optional[Mapping[str, Any]] = None) -> Any:
    """Load a model of transformers, in float32.

    Of a dual encoder (CLIP, SigLIP, …) the other tower is left out.

    Args:
        model: Local folder, name on the Hugging Face hub, or ``'pip:'`` and
            a package of :mod:`~chtn_plugin.storage.pip_weights`.
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
    check_choice('tower', tower, _TOWERS)
    if architecture is not None:
        if 'model_type' not in architecture:
            raise ValueError('an architecture must name its model_type, got '
                             f'{sorted(architecture)}')
        loaded = AutoModel.from_config(AutoConfig.for_model(
            **json.loads(json.dumps(dict(architecture)))))
    elif model is not None:
        place = hf_place(model)
        try:
            loaded = AutoModel.from_pretrained(
                place, dtype=torch.float32,
                use_safetensors=None if Path(place).is_dir() else True)
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


def hf_place(model: str) -> str:
    """Return what transformers takes for a model: a folder or a hub name.

    Args:
        model: As for :func:`load_hf_model`.

    Raises:
        FileNotFoundError: It is no folder, and the hub does not give it;
            transformers itself would try for most of a minute.
        ValueError, FileNotFoundError: As
            :func:`~chtn_plugin.storage.pip_weights.pip_weights`.
    """
    if model.startswith(SCHEME):
        return str(pip_weights(model))
    if not Path(model).is_dir() and why_not_on_hub(model):
        raise not_to_be_had(model)
    return model


def hf_file(model: str, name: str) -> Optional[str]:
    """Find a small file of a model, downloading it if need be.

    Args:
        model: As for :func:`load_hf_model`.
        name: Path of the file within the model.

    Returns:
        Its path here; None where the model has no such file.

    Raises:
        FileNotFoundError: The model cannot be had.
    """
    from transformers.utils import cached_file
    place = hf_place(model)
    if Path(place).is_dir():
        path = Path(place, name)
        return str(path) if path.is_file() else None
    try:
        return cached_file(place, name,
                           _raise_exceptions_for_missing_entries=False)
    except OSError as error:
        raise not_to_be_had(model) from error


def why_not_on_hub(name: str, file: str = 'config.json',
                   timeout: float = 3.) -> Optional[str]:
    """Say why a hub model cannot be downloaded here; None if it can.

    Asks for one small header, and nothing where the file is here already.

    Args:
        name: Its name on the hub.
        file: A file that it must have.
        timeout: Seconds to wait for the hub.
    """
    from huggingface_hub import (
        constants,
        get_hf_file_metadata,
        hf_hub_url,
        try_to_load_from_cache,
    )
    # The hub's client has changed its errors from release to release.
    try:
        if isinstance(try_to_load_from_cache(name, file), str):
            return None
        if constants.HF_HUB_OFFLINE:
            return 'HF_HUB_OFFLINE is set'
        get_hf_file_metadata(hf_hub_url(name, file), timeout=timeout)
    except Exception as error:
        return str(error).splitlines()[0] if str(error) else repr(error)
    return None


def not_to_be_had(name: str) -> FileNotFoundError:
    """Make the error for a folder or hub name that cannot be read."""
    return FileNotFoundError(
        f'{name!r} is no folder of a transformers model, and the Hugging '
        'Face hub does not give it from here. Without network: run '
        f'`hf download {name} --local-dir DIR` where there is one, copy DIR, '
        'and name it in the config')


def architecture_of(model: Any) -> dict[str, Any]:
    """Describe a model in plain types, for :func:`load_hf_model`."""
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
    """Return the tensor (B, D) from ``get_*_features`` of any version."""
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
