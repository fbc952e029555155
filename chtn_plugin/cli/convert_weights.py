"""Convert an ImageNet classifier to the weights that CHTN starts from.

torchvision: AlexNet or VGG in the layout of torchvision or mmpretrain (.pth,
             .npz, .safetensors), for AlexNetBN with layout='torchvision' or
             mmpretrain.VGG.
caffe:       a .caffemodel of AlexNet with batch normalisation, for AlexNetBN
             with layout='caffe', the released trunk.

The result goes into a configuration as load_from.
"""
from __future__ import annotations

import argparse
from pathlib import Path

from .command import AGAIN, CommandParser, plain_errors, plain_interrupt


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='Example: python tools/convert_weights.py caffe '
        'alexnet_bn.caffemodel checkpoints/alexnet_bn_imagenet.pth --config '
        'configs/chtn_wiki.py')
    parser.add_argument('format', choices=['torchvision', 'caffe'])
    parser.add_argument('source', type=Path, help='weights to convert')
    parser.add_argument('out', type=Path, help='.pth file to write')
    parser.add_argument('--config', help='configuration whose model they '
                        'must fit (default: the released network)')
    return parser.parse_args()


def _holds_converted(path: Path) -> bool:
    """Whether a file is one of an earlier conversion."""
    from chtn_plugin.engine.checkpoints import load_checkpoint
    try:
        return 'converted_from' in load_checkpoint(str(path), False)['meta']
    except (OSError, ValueError):
        return False


@plain_interrupt('convert_weights.py', AGAIN)
def main() -> None:
    """Read, name, check, write."""
    args = parse_args()
    import torch

    from chtn_plugin.engine.config_files import part_of, read_config_file
    from chtn_plugin.models.conversion import (
        backbone_of,
        caffe_layers,
        classifier_layers,
        fitted_to,
        read_caffemodel,
        read_state_dict,
        start_weights,
    )
    from chtn_plugin.storage.files import atomic_write
    from chtn_plugin.storage.ownership import check_replaceable
    with plain_errors('convert_weights.py'):
        check_replaceable(args.out, _holds_converted(args.out))
        if args.format == 'caffe':
            layers = caffe_layers(read_caffemodel(args.source))
        else:
            layers = classifier_layers(read_state_dict(args.source))
        model = args.config and part_of(
            read_config_file(args.config), 'model', args.config)
        weights = fitted_to(model, backbone_of(layers, args.format),
                            start_weights(layers))
        with atomic_write(args.out) as file:
            torch.save(dict(state_dict=weights, meta=dict(
                converted_from=f'{args.format}: {args.source.name}')), file)
    numbers = sum(value.numel() for value in weights.values())
    print(f'wrote {args.out}: {len(weights)} tensors, {numbers:,} numbers, '
          f'from the layers {", ".join(layers)}. All else of CHTN starts as '
          'initialised.')
