"""Prepare a public data set: check it, write its manifest, record hashes."""
from __future__ import annotations

import argparse
import sys
from pathlib import Path

from chtn_plugin.curation.preparation import PREPARATIONS, prepare

from .command import CommandParser, plain_interrupt

_EPILOG = """examples:
  %(prog)s wiki --source wikipedia_dataset.zip
  %(prog)s wiki --source path/to/wikipedia --out data/wikipedia
  %(prog)s NAME --help        what a data set needs, and its options

A second run checks every file against SHA256SUMS; an interrupted one goes on
where it stopped."""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser, with a sub-command for each data set."""
    parser = CommandParser(
        description=__doc__, epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest='name', required=True,
                                     metavar='NAME')
    for name, preparation in PREPARATIONS.items():
        command = commands.add_parser(
            name, help=preparation.help,
            description=f'{preparation.help}. {preparation.needs}')
        site = preparation.url or preparation.site
        command.add_argument('--source', type=Path,
                             help='folder or archive (zip, tar) that you have'
                             + (f'; without it, fetched from {site}'
                                if site else ''))
        command.add_argument('--out', type=Path,
                             default=Path('data') / preparation.folder,
                             help='folder to write (default: %(default)s)')
        preparation.add_arguments(command)
    return parser


@plain_interrupt('prepare_dataset.py',
                 'What was written is known again; the same command goes '
                 'on')
def main() -> int:
    """Run the tool; return the exit status."""
    options = build_parser().parse_args()
    try:
        prepare(PREPARATIONS[options.name], options.source, options.out,
                options)
    except KeyError as error:
        print(f'error: {error.args[0]}', file=sys.stderr)
    except (ValueError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
    else:
        return 0
    return 1
