"""Count parameters and multiply-adds of encoding one image and one text."""
from __future__ import annotations

import argparse
from typing import Any

import torch  # isort: skip
from mmengine.analysis import get_model_complexity_info  # isort: skip
from mmengine.registry import MODELS  # isort: skip
from torch import nn  # isort: skip

from chtn_plugin.engine.launch import (  # isort: skip
    add_config_arguments,
    load_config,
    plain_errors,
)


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
    """One text as its encoder takes it, of so many words or tokens."""
    if hasattr(encoder, 'words'):
        return torch.full((1, length), 2)
    if hasattr(encoder, 'pooling'):
        return {name: torch.ones(1, length, dtype=torch.int64)
                for name in ('input_ids', 'attention_mask')}
    return torch.zeros(1, encoder.out_features)


def complexity(model: Any, image_shape: tuple[int, ...],
               text_length: int) -> list[tuple[str, float, float]]:
    """For each side: its name, multiply-adds and parameters."""
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
        found = get_model_complexity_info(
            encoder, None, inputs=inputs, show_table=False, show_arch=False)
        rows.append((name, found['flops'], sum(encoder.used.values())))
    return rows


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog='Example: python tools/analysis_tools/get_flops.py '
        'configs/chtn_demo.py')
    add_config_arguments(parser)
    parser.add_argument('--shape', type=int, nargs='+', metavar='N',
                        help='height and width of the image; one number is '
                        'both (default: the configuration\'s)')
    parser.add_argument('--text-length', type=int, default=64,
                        help='words or tokens of the text (default: 64)')
    return parser.parse_args()


def main() -> None:
    """Build the model and count."""
    args = parse_args()
    with plain_errors('get_flops.py'):
        cfg = load_config(args)
        model = MODELS.build(cfg.model).eval()
        tower = model.towers().get('image')
        shape = tuple(tower.input_shape if tower is not None else
                      cfg.model.get('input_shape', (3, 224, 224)))
        if args.shape:
            if len(args.shape) > 2 or len(shape) != 3:
                raise ValueError('--shape takes one or two numbers, of an '
                                 f'image: got {args.shape} for {shape}')
            shape = (shape[0], args.shape[0], args.shape[-1])
        rows = complexity(model, shape, args.text_length)
    print(f'one image {shape}, one text of {args.text_length} words or tokens '
          '(ready vectors: as wide as they are)')
    print(f'{"":8}{"multiply-adds":>16}{"parameters":>14}')
    for name, flops, parameters in rows:
        print(f'{name:8}{flops / 1e9:>14.3f} G{parameters / 1e6:>12.3f} M')
    total = sum(p.numel() for p in model.parameters())
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    print(f'whole model {total / 1e6:.3f} M parameters, of which '
          f'{trained / 1e6:.3f} M are trained')
