"""What the commands share: options, and errors in one line.

Nothing here imports torch or MMEngine, so that ``--help`` and a misspelt
option are answered at once. A command imports what it works with after it
has read its command line.
"""
from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import Any, Optional

from .._errors import (
    plain_build,
    plain_errors,
    plain_interrupt,
    plain_refusals,
)
from ..engine.shipped_configs import PREFIX, shipped_configs

#: How to go on after Ctrl-C in a tool that writes at its end.
AGAIN = 'Nothing half-written is left; the same command starts anew'

__all__ = ['AGAIN', 'CommandParser', 'add_arguments',
           'add_config_arguments', 'add_model_arguments', 'add_run_argument',
           'as_typed', 'plain_build', 'plain_errors', 'plain_interrupt',
           'plain_refusals', 'tell']

_CONFIG = re.compile(r'\bconfigs/([\w/.-]+\.py)')
_TOOL = re.compile(r'(?:python )?tools/(?:\w+/)?(\w+)\.py')


def as_typed(text: str) -> str:
    """Name commands as they were called here: as a tool or by ``chtn``.

    Args:
        text: Names them as ``python tools/NAME.py``.
    """
    if not sys.argv[0].startswith('chtn '):
        return text
    text = _TOOL.sub(lambda match: f'chtn {match[1].replace("_", "-")}', text)
    if Path('configs').is_dir():
        return text
    # Outside a checkout they lie in the package.
    return _CONFIG.sub(lambda match: f'{PREFIX}{match[1]}' if (
        shipped_configs() / match[1]).is_file() else match[0], text)


def tell(text: str) -> None:
    """Print a line that may name commands, at once."""
    print(as_typed(text), flush=True)


class CommandParser(argparse.ArgumentParser):
    """Shows itself, and other commands, as they were called here."""

    def __init__(self, prog: Optional[str] = None, **kwargs: Any) -> None:
        path = Path(sys.argv[0])
        if prog is None and path.suffix == '.py' and (
                'tools' in path.parts):
            place = path.parts[len(path.parts)
                               - path.parts[::-1].index('tools') - 1:]
            prog = 'python ' + '/'.join(place)
        super().__init__(prog, **kwargs)

    def format_help(self) -> str:
        """Return the help."""
        # Before it is wrapped: a line break may fall into a command.
        for place in (self, *self._actions):
            for name in ('description', 'epilog', 'help'):
                text = getattr(place, name, None)
                if isinstance(text, str):
                    setattr(place, name, as_typed(text))
        return super().format_help()


class ConfigOptions(argparse.Action):
    """MMEngine's ``DictAction``, imported when an option is given."""

    def __call__(self, parser: argparse.ArgumentParser,
                 namespace: argparse.Namespace, values: Any,
                 option_string: Any = None) -> None:
        """Read ``KEY=VALUE`` words into a dictionary."""
        strange = [word for word in values if not word.partition('=')[1]]
        if strange:
            parser.error(f'{option_string} takes KEY=VALUE, got {strange[0]}')
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


def add_model_arguments(parser: argparse.ArgumentParser,
                        device: bool = True, bf16: bool = False) -> None:
    """Add the options of tools that encode with a trained run.

    Args:
        parser: Gets them.
        device: Whether the tool can choose where it computes.
        bf16: Whether it can encode in half precision.
    """
    if device:
        parser.add_argument('--device', help='cpu, cuda, cuda:1, ...')
    if bf16:
        parser.add_argument('--bf16', action='store_true',
                            help='encode in bfloat16')
    parser.add_argument('--trust-checkpoint', action='store_true',
                        help='let the checkpoint run programs here')


def add_run_argument(parser: argparse.ArgumentParser) -> None:
    """Add the run that a tool works with, or towers in its place."""
    parser.add_argument('run', help='work directory, checkpoint, published '
                        'folder, hf://USER/NAME; or towers:NAME, pretrained '
                        'towers as they are')


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
