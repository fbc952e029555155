"""Print a configuration as it is once everything is merged."""
from __future__ import annotations

import argparse

import chtn_plugin  # noqa: F401  (first: see its __init__)

from mmengine.config import Config, DictAction  # isort: skip

from chtn_plugin.apis.launch import plain_errors  # isort: skip
from chtn_plugin.apis.options import check_options  # isort: skip


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog='Example: python tools/print_config.py configs/chtn_demo.py '
        '--cfg-options train_cfg.max_iters=5')
    parser.add_argument('config', help='configuration file')
    parser.add_argument('--save-path', metavar='FILE', help='write it there '
                        'too (.py, .json or .yml)')
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE',
        help='overrides of the configuration')
    return parser.parse_args()


def main() -> None:
    """Merge and print."""
    args = parse_args()
    with plain_errors('print_config.py'):
        cfg = Config.fromfile(args.config)
        if args.cfg_options:
            check_options(cfg, args.cfg_options)
            cfg.merge_from_dict(args.cfg_options)
        if args.save_path:
            cfg.dump(args.save_path)
    print(cfg.pretty_text)


if __name__ == '__main__':
    main()
