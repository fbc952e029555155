"""Print a configuration as it is once everything is merged."""
from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from .command import (
    AGAIN,
    CommandParser,
    add_config_arguments,
    plain_errors,
    plain_interrupt,
)
from .json_output import add_json_argument, json_output

if TYPE_CHECKING:
    from mmengine.config import Config


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser(
        description=__doc__,
        epilog='Example: python tools/print_config.py configs/chtn_demo.py '
        '--cfg-options train_cfg.max_iters=5')
    add_config_arguments(parser)
    parser.add_argument('--save-path', metavar='FILE', help='write it there '
                        'too (.py, .json or .yml)')
    add_json_argument(parser, 'the configuration')
    return parser.parse_args()


def _save(cfg: Config, path: str) -> None:
    from mmengine.fileio import dump

    from chtn_plugin.checks import check_choice
    from chtn_plugin.storage.files import atomic_write
    from chtn_plugin.storage.ownership import check_replaceable
    kind = Path(path).suffix
    check_choice('the ending of --save-path', kind,
                 ('.py', '.json', '.yml', '.yaml'))
    # Nothing in a configuration says whose it is.
    check_replaceable(path, False)
    text = cfg.pretty_text if kind == '.py' else dump(
        cfg.to_dict(), file_format=kind[1:])
    with atomic_write(path, 'w', 'utf-8') as file:
        file.write(text)


@plain_interrupt('print_config.py', AGAIN)
def main() -> None:
    """Merge and print."""
    args = parse_args()
    from chtn_plugin.engine.launch import load_config
    with plain_errors('print_config.py'), json_output(
            args.json, 'config') as report:
        cfg = load_config(args)
        if args.save_path:
            _save(cfg, args.save_path)
        report(dict(config=cfg.to_dict()))
        print(cfg.pretty_text)
