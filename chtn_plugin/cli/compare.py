"""Compare methods over their seeds, query by query.

    python tools/compare.py chtn=work_dirs/chtn_s0,work_dirs/chtn_s1 cca=cca/
    python tools/compare.py a/results.json b/results.json --out compare.md

Takes results files of tools/score.py or tools/test.py, or folders with them.
"""
import argparse
import json
from pathlib import Path

from .command import AGAIN, CommandParser, plain_errors, plain_interrupt
from .json_output import add_json_argument, json_output


def parse_args(argv=None):
    parser = CommandParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('methods', nargs='+', metavar='[NAME=]PATH[,PATH...]',
                        help='results of one method; each file is a seed')
    parser.add_argument('--protocol', nargs='+', default=None,
                        help='protocols to compare (default: all they share)')
    parser.add_argument('--bootstrap', type=int, default=2000,
                        help='samples for the intervals')
    parser.add_argument('--flips', type=int, default=10_000,
                        help='assignments of the randomisation test')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--out', nargs='+', default=[],
                        metavar='FILE', help='.md and .json files to write')
    add_json_argument(parser, 'the comparison')
    args = parser.parse_args(argv)
    for path in args.out:
        if Path(path).suffix not in ('.md', '.json'):
            parser.error(f'--out takes .md and .json files, got {path}')
    return args


@plain_interrupt('compare.py', AGAIN)
def main(argv=None):
    args = parse_args(argv)
    with plain_errors('error'):
        _compare(args)


def _compare(args):
    from chtn_plugin.evaluation.comparison import compare_methods
    from chtn_plugin.evaluation.comparison_table import (
        format_comparison,
        holds_comparison,
    )
    from chtn_plugin.evaluation.method_results import load_methods
    from chtn_plugin.storage.files import atomic_write
    from chtn_plugin.storage.ownership import check_replaceable
    for path in args.out:
        check_replaceable(path, holds_comparison(path))
    with json_output(args.json, 'comparison', holds_comparison) as report:
        comparison = compare_methods(
            load_methods(args.methods), args.protocol, args.bootstrap,
            args.flips, args.seed)
        text = format_comparison(comparison)
        print(text)
        report(comparison)
    for path in args.out:
        with atomic_write(path, 'w', encoding='utf-8') as file:
            file.write(text + '\n' if path.endswith('.md')
                       else json.dumps(comparison, indent=1) + '\n')
