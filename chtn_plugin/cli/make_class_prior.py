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
    parser.add_argument('--classes', nargs='+', required=True,
                        metavar='NAME', help='your classes in label order '
                        '(sorted, unless the configuration says otherwise), '
                        'in the language of the encoder')
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
        write_class_prior(args.out, weight, bias, names, args.classes,
                          args.texts)
    except (ValueError, OSError, KeyError, ImportError) as error:
        message = error.args[0] if isinstance(error, KeyError) else error
        print(f'error: {message}', file=sys.stderr)
        return 1
    print(f'wrote {args.out}: {len(names)} source classes, '
          f'{len(args.classes)} of yours')
    return 0


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
