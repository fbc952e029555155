"""Count parameters and multiply-adds of encoding one image and one text."""
from __future__ import annotations

import argparse
from typing import Any

from .command import (
    AGAIN,
    CommandParser,
    add_config_arguments,
    plain_build,
    plain_errors,
    plain_interrupt,
)
from .json_output import add_json_argument, json_output


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser(
        description=__doc__,
        epilog='Example: python tools/analysis_tools/get_flops.py '
        'configs/chtn_demo.py')
    add_config_arguments(parser)
    parser.add_argument('--shape', type=int, nargs='+', metavar='N',
                        help='height and width of the image; one number is '
                        'both (default: the configuration\'s)')
    parser.add_argument('--text-length', type=int, default=64,
                        help='words or tokens of the text (default: 64)')
    add_json_argument(parser, 'the counts')
    return parser.parse_args()


@plain_interrupt('get_flops.py', AGAIN)
def main() -> None:
    """Build the model and count."""
    args = parse_args()
    from mmengine.registry import MODELS

    from chtn_plugin.engine.config_files import part_of
    from chtn_plugin.engine.launch import load_config
    from chtn_plugin.models.complexity import complexity
    with plain_errors('get_flops.py'), json_output(
            args.json, 'flops') as report:
        cfg = load_config(args)
        config = part_of(cfg, 'model', args.config)
        with plain_build('get_flops.py'):
            model = MODELS.build(config).eval()
        tower = model.towers().get('image')
        shape = tuple(tower.input_shape if tower is not None else
                      cfg.model.get('input_shape', (3, 224, 224)))
        if args.shape:
            if len(args.shape) > 2 or len(shape) != 3:
                raise ValueError('--shape takes one or two numbers, of an '
                                 f'image: got {args.shape} for {shape}')
            shape = (shape[0], args.shape[0], args.shape[-1])
        rows = complexity(model, shape, args.text_length)
        parameters = list(model.parameters())
        counts = dict(
            config=args.config, image_shape=shape,
            text_length=args.text_length,
            parameters=sum(p.numel() for p in parameters),
            trained=sum(p.numel() for p in parameters if p.requires_grad),
            towers={name: dict(multiply_adds=flops, parameters=count)
                    for name, flops, count in rows})
        _print_counts(counts)
        report(counts)


def _print_counts(counts: dict[str, Any]) -> None:
    print(f'one image {counts["image_shape"]}, one text of '
          f'{counts["text_length"]} words or tokens (ready vectors: as wide '
          'as they are)')
    print(f'{"":8}{"multiply-adds":>16}{"parameters":>14}')
    for name, tower in counts['towers'].items():
        print(f'{name:8}{tower["multiply_adds"] / 1e9:>14.3f} G'
              f'{tower["parameters"] / 1e6:>12.3f} M')
    print(f'whole model {counts["parameters"] / 1e6:.3f} M parameters, of '
          f'which {counts["trained"] / 1e6:.3f} M are trained')
