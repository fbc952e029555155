"""What the commands share: options, and errors in one line.

Nothing here imports torch or MMEngine, so that ``--help`` and a misspelt
option are answered at once. A command imports what it works with after it
has read its command line.
"""
from __future__ import annotations

import argparse
import os
import os.path as osp
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_PACKAGE = osp.dirname(osp.dirname(osp.abspath(__file__))) + os.sep


class ConfigOptions(argparse.Action):
    """MMEngine's ``DictAction``, imported when an option is given."""

    def __call__(self, parser: argparse.ArgumentParser,
                 namespace: argparse.Namespace, values: Any,
                 option_string: Any = None) -> None:
        """Read ``KEY=VALUE`` words into a dictionary."""
        from mmengine.config import DictAction
        DictAction(self.option_strings, self.dest, nargs=self.nargs)(
            parser, namespace, values, option_string)


def add_config_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what every tool that reads a configuration takes."""
    parser.add_argument('config', help='configuration file')
    parser.add_argument(
        '--cfg-options', nargs='+', action=ConfigOptions, metavar='KEY=VALUE',
        help='overrides of the configuration, such as train_cfg.max_iters=5')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that training and testing share."""
    parser.add_argument('--work-dir', help='folder of logs and checkpoints '
                        '(default: work_dirs/<name of the configuration>)')
    parser.add_argument(
        '--trust-checkpoint', action='store_true',
        help='load checkpoints that could run programs; for files whose '
        'author you trust')
    parser.add_argument('--launcher', default='none',
                        choices=['none', 'pytorch', 'slurm', 'mpi'],
                        help='how the processes of a distributed run start')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0,
                        help=argparse.SUPPRESS)


@contextmanager
def plain_errors(tool: str) -> Iterator[None]:
    """End the program with the message alone where its user is at fault."""
    try:
        yield
    except (ValueError, KeyError, OSError, SyntaxError) as error:
        message = error.args[0] if isinstance(error, KeyError) else error
        sys.exit(f'{tool}: {message}')


@contextmanager
def plain_refusals(tool: str) -> Iterator[None]:
    """The same for what the plugin itself refuses, once a run is under way.

    Any other error keeps its traceback: it may be one of the user's modules.
    """
    try:
        yield
    except (ValueError, KeyError, OSError, FloatingPointError) as error:
        place = error.__traceback__
        while place and place.tb_next:
            place = place.tb_next
        message = error.args[0] if isinstance(error, KeyError) else str(error)
        if (place is None or ' ' not in str(message) or not
                place.tb_frame.f_code.co_filename.startswith(_PACKAGE)):
            raise
        sys.exit(f'{tool}: {message}')
