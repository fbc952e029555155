"""What the commands share: options, and errors in one line.

Nothing here imports torch or MMEngine, so that ``--help`` and a misspelt
option are answered at once. A command imports what it works with after it
has read its command line.
"""
from __future__ import annotations

import argparse
from typing import Any

from .._errors import (
    plain_build,
    plain_errors,
    plain_interrupt,
    plain_refusals,
)

__all__ = ['add_arguments', 'add_config_arguments', 'plain_build',
           'plain_errors', 'plain_interrupt', 'plain_refusals']


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
    parser.add_argument('config', help='configuration file, or '
                        'chtn_plugin::NAME for one of the package')
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
    parser.add_argument(
        '--verbose', action='store_true',
        help='show on the terminal all that the log file gets, not only '
        'warnings, progress and the summary')
    parser.add_argument('--launcher', default='none',
                        choices=['none', 'pytorch', 'slurm', 'mpi'],
                        help='how the processes of a distributed run start')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0,
                        help=argparse.SUPPRESS)
