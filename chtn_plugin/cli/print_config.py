"""Print a configuration as it is once everything is merged."""
from __future__ import annotations

import argparse

from .command import CommandParser, add_config_arguments, plain_errors


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser(
        description=__doc__,
        epilog='Example: python tools/print_config.py configs/chtn_demo.py '
        '--cfg-options train_cfg.max_iters=5')
    add_config_arguments(parser)
    parser.add_argument('--save-path', metavar='FILE', help='write it there '
                        'too (.py, .json or .yml)')
    return parser.parse_args()


def main() -> None:
    """Merge and print."""
    args = parse_args()
    from chtn_plugin.engine.launch import load_config
    with plain_errors('print_config.py'):
        cfg = load_config(args)
        if args.save_path:
            cfg.dump(args.save_path)
    print(cfg.pretty_text)
