"""Train a model from a configuration, with MMEngine's Runner."""
from __future__ import annotations

import argparse
import os
import os.path as osp

import chtn_plugin  # noqa: F401  (first: see its __init__)

from mmengine.config import Config, DictAction  # isort: skip
from mmengine.runner import Runner  # isort: skip


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog='Example: python tools/train.py configs/chtn_demo.py '
        '--cfg-options train_cfg.max_epochs=5')
    parser.add_argument('config', help='configuration file')
    parser.add_argument('--work-dir', help='folder of logs and checkpoints '
                        '(default: work_dirs/<name of the configuration>)')
    parser.add_argument(
        '--resume', nargs='?', const='auto', metavar='PATH',
        help='go on from a checkpoint; without PATH (or with "auto") from the '
        'newest in the work directory')
    parser.add_argument('--amp', action='store_true',
                        help='train in mixed precision')
    parser.add_argument('--no-validate', action='store_true',
                        help='do not evaluate while training')
    parser.add_argument('--auto-scale-lr', action='store_true',
                        help='scale the learning rate with the batch size')
    parser.add_argument('--no-pin-memory', action='store_true',
                        help='no page-locked memory in the data loaders')
    parser.add_argument('--no-persistent-workers', action='store_true',
                        help='start the data workers anew every epoch')
    parser.add_argument('--seed', type=int, help='seed of the run')
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE',
        help='overrides of the configuration, such as train_cfg.max_epochs=5')
    parser.add_argument('--launcher', default='none',
                        choices=['none', 'pytorch', 'slurm', 'mpi'],
                        help='how the processes of a distributed run start')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0,
                        help=argparse.SUPPRESS)
    args = parser.parse_args()
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    return args


def main() -> None:
    """Build the Runner and train."""
    args = parse_args()
    cfg = Config.fromfile(args.config)
    cfg.launcher = args.launcher
    if args.cfg_options:
        cfg.merge_from_dict(args.cfg_options)
    if args.work_dir:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = osp.join('work_dirs',
                                osp.splitext(osp.basename(args.config))[0])
    if args.resume == 'auto':
        cfg.resume, cfg.load_from = True, None
    elif args.resume:
        cfg.resume, cfg.load_from = True, args.resume
    if args.seed is not None:
        cfg.randomness = dict(cfg.get('randomness', {}), seed=args.seed)
    if args.amp:
        cfg.optim_wrapper.type = 'AmpOptimWrapper'
        cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
        cfg.default_hooks.checkpoint.pop('save_best', None)
    if args.auto_scale_lr:
        if 'base_batch_size' not in cfg.get('auto_scale_lr', {}):
            raise ValueError('--auto-scale-lr needs '
                             f'auto_scale_lr.base_batch_size in {args.config}')
        cfg.auto_scale_lr.enable = True
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        loader = cfg.get(name)
        if not loader:
            continue
        loader.setdefault('pin_memory', not args.no_pin_memory)
        loader.setdefault('persistent_workers',
                          bool(loader.get('num_workers'))
                          and not args.no_persistent_workers)
    Runner.from_cfg(cfg).train()


if __name__ == '__main__':
    main()
