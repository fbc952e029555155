"""Train a model from a configuration, with MMEngine's Runner."""
from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Optional

from .command import (
    CommandParser,
    add_arguments,
    add_config_arguments,
    plain_build,
    plain_errors,
    plain_interrupt,
    plain_refusals,
    tell,
)

if TYPE_CHECKING:
    from mmengine.config import Config


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser(
        description=__doc__,
        epilog='Example: python tools/train.py configs/chtn_demo.py '
        '--cfg-options train_cfg.max_iters=400')
    add_config_arguments(parser)
    add_arguments(parser)
    parser.add_argument(
        '--resume', nargs='?', const='auto', metavar='PATH',
        help='go on from a checkpoint; without PATH (or with "auto") from the '
        'newest in the work directory, or at the beginning if it has none')
    parser.add_argument('--overwrite', action='store_true',
                        help='delete the checkpoints in the work directory')
    add_training_arguments(parser)
    return parser.parse_args()


def add_training_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what every tool that trains a configuration takes."""
    parser.add_argument(
        '--amp', nargs='?', const='auto', choices=['auto', 'fp16', 'bf16'],
        help='train in mixed precision: fp16 on a GPU, bf16 on a CPU')
    parser.add_argument('--no-validate', action='store_true',
                        help='do not evaluate while training')
    parser.add_argument('--auto-scale-lr', action='store_true',
                        help='scale the learning rate with the batch size of '
                        'all processes together')
    parser.add_argument('--no-pin-memory', action='store_true',
                        help='no page-locked memory in the data loaders')
    parser.add_argument('--no-persistent-workers', action='store_true',
                        help='start the data workers anew every epoch')
    parser.add_argument('--seed', type=int, help='seed of the run')


def apply_options(cfg: Config, args: argparse.Namespace) -> None:
    """Bring the command line into the configuration."""
    import torch

    from chtn_plugin.engine.precision import use_mixed_precision
    if args.seed is not None:
        cfg.randomness = dict(cfg.get('randomness', {}), seed=args.seed)
    if args.amp:
        use_mixed_precision(cfg, args.amp)
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
        hook = (cfg.get('default_hooks') or {}).get('checkpoint')
        if hook:
            hook.pop('save_best', None)
    if args.auto_scale_lr:
        if 'base_batch_size' not in cfg.get('auto_scale_lr', {}):
            raise ValueError('--auto-scale-lr needs '
                             f'auto_scale_lr.base_batch_size in {args.config}')
        cfg.auto_scale_lr.enable = True
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        loader = cfg.get(name)
        if not loader:
            continue
        loader.setdefault('pin_memory', not args.no_pin_memory
                          and torch.cuda.is_available())
        loader.setdefault('persistent_workers',
                          bool(loader.get('num_workers'))
                          and not args.no_persistent_workers)


def run(args: argparse.Namespace,
        change: Optional[Callable[[Config], None]] = None,
        finish: Optional[Callable[[Any], None]] = None) -> None:
    """Build the Runner and train, as the one writer of the work directory.

    Args:
        args: Of :func:`parse_args`.
        change: Changes the configuration last.
        finish: Gets the Runner that has trained. None: what was best is
            printed, and how to test it.
    """
    from chtn_plugin.engine.console import terse_console
    with terse_console(args.verbose), ExitStack() as locks:
        _run(args, locks, change, finish)


def _run(args: argparse.Namespace, locks: ExitStack,
         change: Optional[Callable[[Config], None]],
         finish: Optional[Callable[[Any], None]]) -> None:
    from mmengine.dist import is_main_process

    from chtn_plugin.engine.checkpoints import check_initial_weights
    from chtn_plugin.engine.config_values import check_values
    from chtn_plugin.engine.console import describe_best, describe_run
    from chtn_plugin.engine.launch import build_runner, read_config, read_data
    from chtn_plugin.engine.processes import on_main_rank, start_processes
    from chtn_plugin.engine.resume import choose_resume
    from chtn_plugin.engine.work_dir import (
        ClearWorkDirHook,
        claim_work_dir,
        work_dir_lock,
    )
    named = args.config  # reading it puts a file in the place of a name
    with plain_errors('train.py'):
        cfg = read_config(args)
        apply_options(cfg, args)
        if change is not None:
            change(cfg)
        check_values(cfg)
        start_processes(cfg)
        resume = args.resume or ('auto' if cfg.get('resume') else None)
        if resume == 'auto' and cfg.get('resume') and cfg.get('load_from'):
            resume = cfg.load_from
        lock = work_dir_lock(cfg.work_dir)
        locks.callback(lock.release)
        on_main_rank(lambda: claim_work_dir(cfg.work_dir, bool(resume),
                                            args.overwrite, lock))
        if resume:
            path = on_main_rank(lambda: choose_resume(
                cfg.work_dir, resume, args.trust_checkpoint, cfg=cfg))
            cfg.resume = path is not None
            cfg.load_from = path or (
                cfg.get('load_from') if not cfg.get('resume') else None)
    with plain_refusals('train.py', cfg.work_dir):
        with plain_build('train.py'):
            runner = build_runner(cfg)
        with plain_errors('train.py'):
            # Data first: they are what a newcomer lacks first.
            read_data(runner, 'train', 'val')
            if not cfg.get('resume'):
                on_main_rank(lambda: check_initial_weights(cfg))
        if args.overwrite and not resume:
            runner.register_hook(ClearWorkDirHook())
        if is_main_process():
            print(describe_run(runner, 'train', 'val'), flush=True)
        runner.train()
        if finish is not None:
            finish(runner)
            return
    if is_main_process():
        print(*describe_best(cfg, runner), sep='\n')
        tell(f'To test it: python tools/test.py {named} {cfg.work_dir}')


@plain_interrupt('train.py', 'The same command with --resume goes on from '
                 'the newest checkpoint, if there is one yet')
def main() -> None:
    """Read the command line, train, and leave the other processes."""
    run(parse_args())
    from chtn_plugin.engine.processes import end_processes
    end_processes()  # only now is the Runner no longer in use
