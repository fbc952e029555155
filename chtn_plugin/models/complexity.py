"""Count the parameters and multiply-adds of encoding with a model."""
from __future__ import annotations

from typing import Any

import torch
from mmengine.analysis import get_model_complexity_info
from torch import nn


class _Encoder(nn.Module):
    """One side of the model as a module of its own.

    Attributes:
        used: Parameters of the modules that have run, by their identity.
    """

    def __init__(self, model: nn.Module, method: str,
                 names: list[str]) -> None:
        super().__init__()
        self.model = model
        self.method = method
        self.names = names
        self.used: dict[int, int] = {}
        for module in model.modules():
            module.register_forward_pre_hook(self._count)

    def _count(self, module: nn.Module, inputs: Any) -> None:
        for parameter in module.parameters(recurse=False):
            self.used[id(parameter)] = parameter.numel()

    def forward(self, *tensors: torch.Tensor) -> torch.Tensor:
        value: Any = (tensors[0] if not self.names else
                      dict(zip(self.names, tensors, strict=True)))
        return getattr(self.model, self.method)(value).repr


def text_input(encoder: Any, length: int) -> Any:
    """Make one text of so many words or tokens, as its encoder takes it."""
    if hasattr(encoder, 'words'):
        return torch.full((1, length), 2)
    if hasattr(encoder, 'pooling'):
        return {name: torch.ones(1, length, dtype=torch.int64)
                for name in ('input_ids', 'attention_mask')}
    return torch.zeros(1, encoder.out_features)


def complexity(model: Any, image_shape: tuple[int, ...],
               text_length: int) -> list[tuple[str, float, float]]:
    """Return each side's name, multiply-adds and parameters."""
    towers = model.towers()
    if 'text' not in towers:
        raise ValueError('to count needs a text encoder, to know what a text '
                         f'looks like: {type(model).__name__} has none')
    if hasattr(towers['text'], 'remembered'):
        towers['text'].remembered = 0  # or the second run counts nothing
    text = text_input(towers['text'], text_length)
    names = list(text) if isinstance(text, dict) else []
    sides: Any = (('image', (torch.zeros(1, *image_shape), ), []),
                  ('text', tuple(text.values()) if names else (text, ),
                   names))
    rows: list[tuple[str, float, float]] = []
    for name, inputs, keys in sides:
        encoder = _Encoder(model, f'encode_{name}', keys)
        counted = get_model_complexity_info(
            encoder, None, inputs=inputs, show_table=False, show_arch=False)
        rows.append((name, counted['flops'], sum(encoder.used.values())))
    return rows
