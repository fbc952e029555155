"""Write what the names of classes tell of pictures before any label does."""
from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

from .command import AGAIN, CommandParser, plain_interrupt

_EPILOG = """The file is for model.class_prior (docs/few_labels.md):
  class_prior=dict(type='ClassNamePrior', file='prior.npz', scale=16.)

The source is a classifier of other classes on the same features as yours:
  imagenet         EfficientNet-Lite0's own, of its 1,000 classes
  features.npz     a ridge classifier on a labelled source's features (arrays
                   F and label), for vectors of length 1
--source-names has its classes in order: a line each, or a table (.tsv) with a
column 'name'. Names of ImageNet's classes come with timm, where it is there.

example:
  %(prog)s prior.npz --classes arts business sports --source imagenet"""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser."""
    parser = CommandParser(
        description=__doc__, epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('out', type=Path, help='.npz file to write')
    whose = parser.add_mutually_exclusive_group(required=True)
    whose.add_argument('--config', help='take the classes of this '
                       "configuration's data, in its order")
    whose.add_argument('--classes', nargs='+', metavar='NAME',
                       help='your classes in label order (sorted, unless the '
                       'configuration says otherwise), in the language of '
                       'the encoder')
    parser.add_argument('--source', default='imagenet',
                        help='imagenet, or a file of features (default: '
                        '%(default)s)')
    parser.add_argument('--source-names', type=Path, metavar='FILE',
                        help="names of the source's classes")
    parser.add_argument('--texts', default='offline', metavar='NAME|DIR',
                        help='encoder that reads names (default: '
                        '%(default)s)')
    return parser


@plain_interrupt('make_class_prior.py', AGAIN)
def main() -> int:
    """Run the tool; return the exit status."""
    parser = build_parser()
    args = parser.parse_args()
    if args.source != 'imagenet' and args.source_names is None:
        parser.error('a file of features needs --source-names')
    from chtn_plugin.apis.class_prior import (
        fitted_classifier,
        lite_classifier,
        write_class_prior,
    )
    try:
        weight, bias = (lite_classifier() if args.source == 'imagenet'
                        else fitted_classifier(args.source))
        names = (_imagenet_names() if args.source_names is None
                 else read_names(args.source_names))
        classes = args.classes or classes_of(args.config)
        write_class_prior(args.out, weight, bias, names, classes, args.texts)
    except (ValueError, OSError, KeyError, ImportError) as error:
        message = error.args[0] if isinstance(error, KeyError) else error
        print(f'error: {message}', file=sys.stderr)
        return 1
    print(f'wrote {args.out}: {len(names)} source classes, '
          f'{len(classes)} of yours')
    return 0


def classes_of(config: str) -> list[str]:
    """Return the class names of a configuration's data, in label order.

    Args:
        config: Its file, or ``chtn_plugin::NAME``.

    Raises:
        FileNotFoundError: There is no such configuration, or no data.
        ValueError: Its data have no class names.
    """
    from mmengine.config import Config
    from mmengine.registry import DATASETS

    from chtn_plugin.engine.shipped_configs import config_path
    cfg = Config.fromfile(config_path(config))
    loader = cfg.get('test_dataloader') or cfg.get('train_dataloader') or {}
    dataset = DATASETS.build(loader.get('dataset')) if loader else None
    names = list(getattr(dataset, 'metainfo', {}).get('classes', ()))
    if not names:
        raise ValueError(f'the data of {config} have no class names: give '
                         '--classes')
    return names


def read_names(path: Path) -> list[str]:
    """Read names: a line each, or the column ``name`` of a ``.tsv``.

    Args:
        path: The file, UTF-8.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The table has no such column.
    """
    text = path.read_text(encoding='utf-8-sig')
    if path.suffix.lower() != '.tsv':
        return [line.strip() for line in text.splitlines() if line.strip()]
    table = csv.DictReader(text.splitlines(), delimiter='\t',
                           quoting=csv.QUOTE_NONE)
    if 'name' not in (table.fieldnames or ()):
        raise ValueError(f"a table of names needs a column 'name': {path} "
                         f'has {list(table.fieldnames or ())}')
    return [row['name'] for row in table]


def _imagenet_names() -> list[str]:
    try:
        from timm.data import ImageNetInfo
    except ImportError as error:
        raise ImportError("names of ImageNet's classes need timm (pip "
                          'install timm --no-deps), or --source-names'
                          ) from error
    info = ImageNetInfo()
    return [info.index_to_description(number)
            for number in range(info.num_classes())]
