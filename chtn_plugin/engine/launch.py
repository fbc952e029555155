"""Prepare a run: configuration, processes, work directory and Runner."""
from __future__ import annotations

import argparse
import datetime
import gc
import multiprocessing
import os
import os.path as osp
import tempfile
from collections.abc import Callable, Mapping
from typing import Any, Optional, TypeVar

import torch
from mmengine.config import Config
from mmengine.dist import (
    broadcast_object_list,
    init_dist,
    is_main_process,
    master_only,
)
from mmengine.hooks import Hook
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from .._errors import config_error, is_users_module, message_of
from .._moved import moved_names
from ..storage.locks import FolderLock
from .checkpoints import (
    best_checkpoints_in,
    checkpoints_in,
    restrict_loading,
)
from .config_values import check_values
from .hooks.speed.compiled_forward import CompiledForwardHook
from .options import check_config, check_options
from .shipped_configs import config_path

Result = TypeVar('Result')

#: Keys that a FlexibleRunner does not read, and what to do instead.
_RUNNER_ONLY = {
    'compile': 'leave runner_type out',
    'sync_bn': "set strategy.sync_bn of a DDPStrategy, or add "
               "dict(type='GlobalBatchNormHook') to custom_hooks",
    'model_wrapper_cfg': 'set strategy.model_wrapper',
    'find_unused_parameters':
        'set strategy.model_wrapper.find_unused_parameters'}
# DDP's own default would overwrite the running statistics of all ranks with
# those of rank 0 in every iteration.
_DDP = dict(type='MMDistributedDataParallel', broadcast_buffers=False)
#: Seconds after which a rank that does not answer is given up, unless
#: ``env_cfg.dist_cfg.timeout`` says otherwise. NCCL's own 600 would end ranks
#: that wait for rank 0 to fill a feature cache or to write a checkpoint.
TIMEOUT = 1800


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
    try:
        cfg = Config.fromfile(args.config)
    except Exception as error:
        # A configuration is a program, and may fail in any way.
        if is_users_module(error, args.config):
            raise
        raise config_error(args.config, error) from error
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


def start_processes(cfg: Config) -> None:
    """Join the other processes of a distributed run; over gloo on a CPU.

    MMEngine's Runner does it where there is a GPU, and only there.

    Args:
        cfg: The configuration. It gets a ``model_wrapper_cfg``, or its
            ``strategy`` a ``model_wrapper``, which leaves buffers alone and,
            on a CPU, names no GPU. A single process drops the strategy of
            several: it could not start.

    Raises:
        ValueError: There are more processes here than GPUs, or several
            machines were not told which is the first.
    """
    flexible = cfg.get('runner_type') == 'FlexibleRunner'
    if cfg.launcher == 'none':
        if flexible:
            cfg.strategy = None
        return
    env = cfg.get('env_cfg', {})
    options = {'timeout': TIMEOUT, **env.get('dist_cfg', {})}
    if multiprocessing.get_start_method(allow_none=True) is None:
        multiprocessing.set_start_method(
            env.get('mp_cfg', {}).get('mp_start_method', 'fork'))
    on_gpus = torch.cuda.is_available()
    if not on_gpus or cfg.launcher == 'mpi':
        # MMEngine reads LOCAL_RANK, and sets it under Slurm only.
        _export_rank(cfg.launcher)
    if on_gpus:
        here = int(os.environ.get('LOCAL_WORLD_SIZE', 1))
        if here > torch.cuda.device_count():
            raise ValueError(f'every process needs a GPU: {here} were '
                             f'started, {torch.cuda.device_count()} are here')
        init_dist(cfg.launcher, **options)
    else:
        torch.distributed.init_process_group(
            'gloo', timeout=datetime.timedelta(seconds=options['timeout']))
    if flexible:
        cfg.strategy = _wrapped(cfg.get('strategy') or
                                dict(type='DDPStrategy'), on_gpus)
        return
    wrapper = cfg.get('model_wrapper_cfg') or {}
    if wrapper.get('type', _DDP['type']) == _DDP['type']:
        cfg.model_wrapper_cfg = {
            **_ddp(on_gpus), 'find_unused_parameters': cfg.get(
                'find_unused_parameters', False), **wrapper}


def end_processes() -> None:
    """Leave the other processes of a distributed run, as its last step.

    A thread of gloo's may still hold tensors of the last exchange. One that
    frees them while Python shuts down aborts the process, and a run that was
    whole ends as a failed one. The threads end with the last reference to
    the group: of a Runner that is still in use they do not.
    """
    if torch.distributed.is_initialized():
        gc.collect()
        torch.distributed.destroy_process_group()


def _ddp(on_gpus: bool) -> dict[str, Any]:
    """Return a DDP wrapper; MMEngine names the rank's GPU, if it has one."""
    return _DDP if on_gpus else dict(_DDP, device_ids=None)


def _wrapped(strategy: Mapping[str, Any], on_gpus: bool) -> dict[str, Any]:
    """Complete the model wrapper of a strategy.

    MMEngine completes one that is left out, but takes one that sets a single
    option as it stands, and takes a GPU for granted.
    """
    wrapper = strategy.get('model_wrapper') or {}
    if strategy['type'] != 'FSDPStrategy':
        return dict(strategy, model_wrapper={**_ddp(on_gpus), **wrapper})
    if on_gpus:
        return dict(strategy)
    strategy = dict(strategy, model_wrapper={
        'type': 'MMFullyShardedDataParallel', **wrapper, 'device_id': 'cpu'})
    stored = strategy.get('state_dict_cfg')
    if stored == 'full':
        stored = dict(
            state_dict_type='FULL_STATE_DICT',
            state_dict_config=dict(type='FullStateDictConfig',
                                   rank0_only=True),
            optim_state_dict_config=dict(type='FullOptimStateDictConfig',
                                         rank0_only=True))
    if isinstance(stored, Mapping):
        # Where the weights are on the CPU already, torch would read the
        # offloaded ones after it has freed them.
        strategy['state_dict_cfg'] = {
            key: {name: item for name, item in value.items()
                  if name != 'offload_to_cpu'}
            if isinstance(value, Mapping) else value
            for key, value in stored.items()}
    return strategy


def _export_rank(launcher: str) -> None:
    """Name the rank as torchrun does."""
    names = dict(
        slurm=dict(RANK='SLURM_PROCID', WORLD_SIZE='SLURM_NTASKS',
                   LOCAL_RANK='SLURM_LOCALID'),
        mpi=dict(RANK='OMPI_COMM_WORLD_RANK',
                 WORLD_SIZE='OMPI_COMM_WORLD_SIZE',
                 LOCAL_RANK='OMPI_COMM_WORLD_LOCAL_RANK')).get(launcher, {})
    for name, given in names.items():
        os.environ[name] = os.environ[given]
    if 'MASTER_ADDR' not in os.environ and _several_machines(launcher):
        raise ValueError(
            f'processes on several machines ({launcher}) must be told where '
            'rank 0 is: set MASTER_ADDR to the name of its machine, on all '
            'of them')
    os.environ.setdefault('MASTER_ADDR', '127.0.0.1')
    os.environ.setdefault('MASTER_PORT', '29500')


def _several_machines(launcher: str) -> bool:
    if launcher == 'slurm':
        return int(os.environ.get('SLURM_NNODES', 1)) > 1
    whole, here = (os.environ.get(f'OMPI_COMM_WORLD_{name}')
                   for name in ('SIZE', 'LOCAL_SIZE'))
    return launcher == 'mpi' and here is not None and whole != here


def on_main_rank(function: Callable[[], Result]) -> Result:
    """Let rank 0 decide, and all ranks have its result or its error.

    Args:
        function: Called on rank 0 only.
    """
    outcome: list[Any] = [None, None]
    if is_main_process():
        try:
            outcome[0] = function()
        except (ValueError, OSError) as error:
            outcome[1] = error
    broadcast_object_list(outcome)
    if outcome[1] is not None:
        raise outcome[1]
    return outcome[0]


def work_dir_lock(work_dir: str) -> FolderLock:
    """Return the lock of a work directory, which training's rank 0 holds."""
    return FolderLock(work_dir, 'a work directory has one training at a time',
                      'Wait for its end, end it, or name another folder with '
                      '--work-dir')


def claim_work_dir(work_dir: str, resume: bool, overwrite: bool,
                   lock: Optional[FolderLock] = None) -> None:
    """Make the work directory, and refuse to lose the run that is in it.

    Args:
        work_dir: The folder.
        resume: The run in it is to go on.
        overwrite: The checkpoints in it may be deleted, by
            :class:`ClearWorkDirHook`.
        lock: Taken before anything in it is looked at.

    Raises:
        ValueError: It holds another run's checkpoints.
        OSError: It can not be written, or another training writes there.
    """
    try:
        os.makedirs(work_dir, exist_ok=True)
        with tempfile.TemporaryFile(dir=work_dir):
            pass
    except OSError as error:
        raise OSError('the work directory must be writable: '
                      f'{work_dir}: {error.strerror}') from error
    if lock is not None:
        lock.acquire()
    if resume:
        return
    there = checkpoints_in(work_dir) + best_checkpoints_in(work_dir)
    if there and not overwrite:
        raise ValueError(
            f'{work_dir} holds the checkpoints of a run '
            f'({osp.basename(there[0])} and {len(there) - 1} more): --resume '
            'goes on with it, --work-dir names another folder, --overwrite '
            'deletes them')


class ClearWorkDirHook(Hook):
    """Deletes an earlier run's checkpoints, as ``--overwrite`` asks.

    It does once everything is built, loaded and checked: what ends with an
    error before leaves them there.
    """
    priority = 'VERY_LOW'

    @master_only
    def before_train(self, runner: Any) -> None:
        """Delete what :func:`claim_work_dir` found."""
        work_dir = runner.work_dir
        last = osp.join(work_dir, 'last_checkpoint')
        for path in (checkpoints_in(work_dir) + best_checkpoints_in(work_dir)
                     + [last] * osp.isfile(last)):
            os.remove(path)


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


__getattr__ = moved_names(__name__, dict.fromkeys(
    ('add_arguments', 'add_config_arguments', 'plain_errors',
     'plain_refusals'), 'chtn_plugin.cli.command'))
