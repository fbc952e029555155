"""Write an index's vectors for Parquet, LanceDB, Qdrant or usearch.

The vectors are compared by inner product. int8 and binary say what they cost:
the share of the exact results that pictures find of texts, and texts of
pictures.
"""
from __future__ import annotations

import argparse
import sys

from .._errors import message_of
from .command import AGAIN, CommandParser, plain_interrupt
from .json_output import add_json_argument, json_output

_FORMATS = ('parquet', 'lancedb', 'qdrant', 'usearch')


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='Example: python tools/export_vectors.py pictures.index --out '
        'vectors --format parquet --precision int8')
    parser.add_argument('index', help='folder of tools/index.py')
    parser.add_argument('--out', required=True,
                        help='a folder that is not there yet')
    parser.add_argument('--format', required=True, choices=_FORMATS)
    parser.add_argument('--precision', default='float32',
                        choices=['float32', 'int8', 'binary'],
                        help='of Parquet and usearch (default: %(default)s)')
    add_json_argument(parser, 'what was measured')
    return parser.parse_args()


@plain_interrupt('export_vectors.py', AGAIN)
def main() -> None:
    """Write, and say what was measured."""
    args = parse_args()
    try:
        from chtn_plugin.export.vectors import describe, export_vectors
        with json_output(args.json, 'vectors') as report:
            measured = export_vectors(args.index, args.out, args.format,
                                      args.precision)
            print(f'written: {args.out}')
            for kind, facts in measured.items():
                line = describe(kind, args.precision, facts)
                if line:
                    print(line)
            report(dict(out=args.out, format=args.format,
                        precision=args.precision, recall=measured))
    except (ValueError, OSError, KeyError) as error:
        sys.exit(f'error: {message_of(error)}')
    except ImportError as error:
        sys.exit(f'error: {args.format} needs a package that is missing: '
                 f'{error}')
