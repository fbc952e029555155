"""Prepare a run: read its configuration, build its Runner."""
from __future__ import annotations

import argparse
import os
import os.path as osp
from typing import Any

from mmengine.config import Config
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from .._errors import message_of
from .._moved import moved_names
from .checkpoints import restrict_loading
from .config_files import read_config_file
from .config_values import check_values
from .hooks.speed.compiled_forward import CompiledForwardHook
from .options import check_config, check_options
from .shipped_configs import config_path

#: Keys that a FlexibleRunner does not read, and what to do instead.
_RUNNER_ONLY = {
    'compile': 'leave runner_type out',
    'sync_bn': "set strategy.sync_bn of a DDPStrategy, or add "
               "dict(type='GlobalBatchNormHook') to custom_hooks",
    'model_wrapper_cfg': 'set strategy.model_wrapper',
    'find_unused_parameters':
        'set strategy.model_wrapper.find_unused_parameters'}


def load_config(args: argparse.Namespace) -> Config:
    """Load the configuration with its overrides.

    Args:
        args: Parsed arguments of ``add_config_arguments`` of
            :mod:`chtn_plugin.cli.command`; its ``config`` becomes a file
            where it named a configuration of the package.

    Raises:
        FileNotFoundError: There is no such configuration.
        KeyError: An override names what nothing reads.
    """
    args.config = config_path(args.config)
    cfg = read_config_file(args.config)
    if args.cfg_options:
        check_options(cfg, args.cfg_options)
        try:
            cfg.merge_from_dict(args.cfg_options)
        except (KeyError, TypeError, AssertionError, IndexError) as error:
            raise ValueError(f'--cfg-options must fit {args.config}: '
                             f'{message_of(error)}') from error
    return cfg


def read_config(args: argparse.Namespace) -> Config:
    """Load the configuration, changed by the options of a run.

    Args:
        args: Parsed arguments of ``add_config_arguments`` and
            ``add_arguments`` of :mod:`chtn_plugin.cli.command`.

    Raises:
        FileNotFoundError, KeyError: As :func:`load_config`.
        KeyError: It has a key that nothing reads, too.
        ValueError: It has a key that its Runner or strategy passes by.
    """
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    restrict_loading(args.trust_checkpoint)
    cfg = load_config(args)
    check_config(cfg)
    check_values(cfg)
    if cfg.get('runner_type') == 'FlexibleRunner':
        for key, instead in _RUNNER_ONLY.items():
            if cfg.get(key):
                raise ValueError(f'{key} is read by the Runner only, not by a '
                                 f'FlexibleRunner: {instead}')
    strategy = cfg.get('strategy') or {}
    if strategy.get('type') == 'FSDPStrategy' and strategy.get('sync_bn'):
        raise ValueError(
            'strategy.sync_bn is read by a DDPStrategy only, an FSDPStrategy '
            "would leave batch normalisation local: add dict(type='"
            "GlobalBatchNormHook') to custom_hooks instead")
    if (cfg.get('randomness') or {}).get('deterministic'):
        # cuBLAS reads it when it starts; without it, torch refuses every
        # matrix product on a GPU.
        os.environ.setdefault('CUBLAS_WORKSPACE_CONFIG', ':4096:8')
    cfg.launcher = args.launcher
    if args.work_dir:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = osp.join('work_dirs',
                                osp.splitext(osp.basename(args.config))[0])
    return cfg


def build_runner(cfg: Config) -> Any:
    """Build the Runner, or the one that the configuration names."""
    if 'runner_type' in cfg:
        return RUNNERS.build(cfg)
    runner = Runner.from_cfg(cfg)
    if cfg.get('compile'):
        runner.register_hook(CompiledForwardHook())
    return runner


def read_data(runner: Any, *loops: str) -> None:
    """Have the Runner read its data sets now, not once it runs.

    Args:
        runner: As :func:`build_runner` returns it.
        loops: Of ``'train'``, ``'val'``, ``'test'``.
    """
    for name in loops:
        getattr(runner, f'{name}_loop')


__getattr__ = moved_names(__name__, {
    **dict.fromkeys(('add_arguments', 'add_config_arguments', 'plain_errors',
                     'plain_refusals'), 'chtn_plugin.cli.command'),
    **dict.fromkeys(('end_processes', 'on_main_rank', 'start_processes'),
                    'chtn_plugin.engine.processes'),
    **dict.fromkeys(('ClearWorkDirHook', 'claim_work_dir', 'work_dir_lock'),
                    'chtn_plugin.engine.work_dir')})
