"""Describe the environment, for a bug report.

Versions of Python, of this package and of those it uses, the commit of a
checkout, the machine, and what would not work: both families of OpenMMLab in
one environment, optional packages that are missing.
"""
from __future__ import annotations

import argparse
from typing import Any

from .command import AGAIN, CommandParser, plain_errors, plain_interrupt
from .json_output import add_json_argument, json_output

#: What each optional package is for.
_OPTIONAL = {
    'faiss': 'approximate search', 'onnxruntime': 'export to ONNX',
    'timm': 'backbones of timm', 'sklearn': 'closed forms, the report\'s '
    'picture of the space', 'starlette': 'the search page',
    'pyarrow': 'Parquet', 'h5py': '.h5 and .mat of version 7.3',
    'open_clip': 'towers of open_clip', 'numba': 'fast counting'}
#: Distributions that overwrite one another's files.
_FAMILIES = (('mmengine', 'onedl-mmengine'), ('mmpretrain',
             'onedl-mmpretrain'), ('mmcv', 'mmcv-lite', 'onedl-mmcv'))


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='Example: python tools/env.py --json')
    add_json_argument(parser, 'all of it')
    return parser.parse_args()


def environment() -> dict[str, Any]:
    """Collect what the report says."""
    from importlib.util import find_spec

    from chtn_plugin.engine.environment import commit, machine, versions
    found = versions()
    problems = [f'{" and ".join(both)} overwrite one another: an environment '
                'must hold one of them (docs/install.md)'
                for family in _FAMILIES
                if len(both := [name for name in family if name in found]) > 1]
    return dict(versions=found, commit=commit(), machine=machine(),
                missing={name: what for name, what in _OPTIONAL.items()
                         if find_spec(name) is None}, problems=problems)


@plain_interrupt('env.py', AGAIN)
def main() -> None:
    """Collect and print."""
    args = parse_args()
    with plain_errors('env.py'), json_output(args.json, 'env') as report:
        found = environment()
        report(found)
        _show(found)


def _show(found: dict[str, Any]) -> None:
    width = max(map(len, (*found['versions'], *found['machine'])))
    for name, value in (*found['versions'].items(),
                        ('commit', found['commit']),
                        *found['machine'].items()):
        print(f'{name:{width}}  {value}')
    for name, what in found['missing'].items():
        print(f'not installed: {name} ({what})')
    for problem in found['problems']:
        print(f'problem: {problem}')
