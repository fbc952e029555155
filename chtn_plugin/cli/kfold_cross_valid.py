"""K-fold cross-validation: mean and spread without touching the test split.

The labelled rows to train on, those of a validation split among them, are
dealt to K folds, of every class alike; pairs with equal pictures or texts stay
in one. K runs train from scratch, each on all folds but one, and are measured
on that once, after their last iteration: a checkpoint chosen on the fold
would flatter. Each run has a folder of its own, WORK_DIR/fold0 and so on; what
was measured is kept in WORK_DIR/kfold.json. The standard deviation is that of
the folds; as the runs share rows, it says less than that of as many fresh
sets would.

    python tools/kfold_cross_valid.py CONFIG --num-splits 5
    python tools/kfold_cross_valid.py CONFIG --num-splits 5 --resume
"""
from __future__ import annotations

import argparse
import hashlib
import math
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .command import (
    CommandParser,
    add_arguments,
    add_config_arguments,
    plain_errors,
    plain_interrupt,
    plain_refusals,
)
from .json_output import add_json_argument, json_output, json_text
from .train import add_training_arguments
from .train import run as train

_KIND = 'kfold'


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='Example: python tools/kfold_cross_valid.py '
        'configs/chtn_wiki_features.py --num-splits 5 --seed 0')
    add_config_arguments(parser)
    parser.add_argument('--num-splits', type=int, required=True, metavar='K',
                        help='number of folds')
    parser.add_argument('--fold', type=int, metavar='N',
                        help='measure this fold alone, from 0 (default: all, '
                        'one after another)')
    add_arguments(parser)
    parser.add_argument('--resume', action='store_true',
                        help='go on: folds that are measured stay, the one '
                        'under way goes on from its newest checkpoint')
    add_training_arguments(parser)
    add_json_argument(parser, 'the figures of each fold, mean and spread')
    args = parser.parse_args()
    args.overwrite = False
    if args.num_splits < 2:
        parser.error(f'--num-splits must be at least 2, got '
                     f'{args.num_splits}')
    if args.fold is not None and not 0 <= args.fold < args.num_splits:
        parser.error(f'--fold must be from 0 to {args.num_splits - 1}, got '
                     f'{args.fold}')
    if args.no_validate:
        parser.error('--no-validate would leave nothing to measure here')
    return args


@plain_interrupt('kfold_cross_valid.py', 'The same command with --resume '
                 'goes on')
def main() -> None:
    """Train the folds one after another, and print what they give."""
    args = parse_args()
    with plain_errors('kfold_cross_valid.py'):
        work_dir, done = _begin(args)
    with plain_refusals('kfold_cross_valid.py'), json_output(
            args.json, _KIND) as report:
        numbers = (range(args.num_splits) if args.fold is None
                   else [args.fold])
        for number in numbers:
            if str(number) not in done['folds']:
                _measure(args, work_dir, done, number)
        summary = dict(done, **summarised(done['folds']))
        _print(summary)
        report(summary)
    from chtn_plugin.engine.processes import end_processes
    end_processes()


def _begin(args: argparse.Namespace) -> tuple[Path, dict[str, Any]]:
    """The folder, and what of this very experiment is measured already."""
    from chtn_plugin.engine.launch import load_config
    from chtn_plugin.storage.json_files import read_json_object
    cfg = load_config(argparse.Namespace(**vars(args)))
    work_dir = Path(args.work_dir or
                    f'work_dirs/{Path(args.config).stem}_kfold')
    path = work_dir / 'kfold.json'
    this = dict(
        config=args.config, num_splits=args.num_splits, seed=args.seed or 0,
        config_hash=hashlib.sha256(cfg.pretty_text.encode()).hexdigest()[:16])
    if not path.exists():
        return work_dir, dict(this, folds={})
    if not args.resume:
        raise ValueError(f'{path} holds measurements: --resume goes on with '
                         'them, --work-dir names another folder')
    stored = read_json_object(path, 'measurements of folds')
    _check_same(stored, this, path)
    return work_dir, dict(this, folds=stored['folds'])


def _measure(args: argparse.Namespace, work_dir: Path, done: dict[str, Any],
             number: int) -> None:
    """Train on all folds but one, measure on that, and keep the figures."""
    from mmengine.dist import is_main_process

    from chtn_plugin.engine.folds import use_fold

    def measure(runner: Any) -> None:
        figures = {name: float(value) for name, value in runner.val().items()}
        done['folds'][str(number)] = {
            name: None if math.isnan(value) else value
            for name, value in figures.items()}
        if is_main_process():
            _keep(work_dir / 'kfold.json', done)

    print(f'fold {number} of {args.num_splits}', flush=True)
    train(argparse.Namespace(**dict(
        vars(args), work_dir=str(work_dir / f'fold{number}'),
        resume='auto' if args.resume else None)),
        lambda cfg: use_fold(cfg, number, args.num_splits, args.seed or 0),
        measure)


def _keep(path: Path, done: dict[str, Any]) -> None:
    """Write the folds, with those that other processes have measured.

    Args:
        path: Of the measurements.
        done: This process's; gets the others'.

    Raises:
        ValueError: The file is of another experiment by now.
    """
    from chtn_plugin.storage.files import atomic_write
    from chtn_plugin.storage.json_files import read_json_object
    from chtn_plugin.storage.locks import FolderLock
    lock = FolderLock(path.parent, 'folds are kept one after the other',
                      'Try again with --resume')
    lock.acquire(seconds=60.)
    try:
        if path.exists():
            stored = read_json_object(path, 'measurements of folds')
            _check_same(stored, done, path)
            done['folds'] = {**stored['folds'], **done['folds']}
        with atomic_write(path, 'w', 'utf-8') as file:
            file.write(json_text(done, _KIND))
    finally:
        lock.release()


def _check_same(stored: Mapping[str, Any], this: Mapping[str, Any],
                path: Path) -> None:
    differs = [name for name in ('num_splits', 'seed', 'config_hash')
               if stored.get(name) != this[name]]
    if differs or not isinstance(stored.get('folds'), dict):
        raise ValueError('only the same experiment can go on: '
                         f'{", ".join(differs) or "folds"} of {path} '
                         'differs. --work-dir names another folder')


def summarised(folds: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Mean and standard deviation over the folds, of every figure.

    Args:
        folds: Figures by name, by fold.

    Returns:
        ``mean``, and ``sd`` (n - 1 in the denominator), each by name; None
        where one fold is all there is. A figure that a fold lacks, as where a
        query class has no item, is left out there.
    """
    names = dict.fromkeys(name for one in folds.values() for name in one)
    values = {name: [one[name] for one in folds.values()
                     if one.get(name) is not None] for name in names}
    return dict(
        mean={name: statistics.fmean(each) if each else None
              for name, each in values.items()},
        sd={name: statistics.stdev(each) if len(each) > 1 else None
            for name, each in values.items()})


def _print(summary: Mapping[str, Any]) -> None:
    names = [name for name in summary['mean'] if name.endswith('_mAP')] or (
        list(summary['mean']))
    short = [name.rpartition('/')[2] for name in names]
    print('fold   ' + '  '.join(f'{name:>10}' for name in short))
    for number, figures in summary['folds'].items():
        print(f'{number:6} ' + '  '.join(
            _cell(figures.get(name)) for name in names))
    for row in ('mean', 'sd'):
        print(f'{row:6} ' + '  '.join(
            _cell(summary[row][name]) for name in names))
    print(f'{len(summary["folds"])} of {summary["num_splits"]} folds; '
          'measured once each, after the last iteration; the test split was '
          'not read')


def _cell(value: Any) -> str:
    return f'{"-":>10}' if value is None else f'{value:10.4f}'
