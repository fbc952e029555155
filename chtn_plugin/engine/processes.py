"""Start, join and end the processes of a distributed run."""
from __future__ import annotations

import datetime
import gc
import multiprocessing
import os
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import torch
from mmengine.config import Config
from mmengine.dist import broadcast_object_list, init_dist, is_main_process

Result = TypeVar('Result')

# DDP's own default would overwrite the running statistics of all ranks with
# those of rank 0 in every iteration.
_DDP = dict(type='MMDistributedDataParallel', broadcast_buffers=False)
#: Seconds after which a rank that does not answer is given up, unless
#: ``env_cfg.dist_cfg.timeout`` says otherwise. NCCL's own 600 would end ranks
#: that wait for rank 0 to fill a feature cache or to write a checkpoint.
TIMEOUT = 1800


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
    for name, variable in names.items():
        os.environ[name] = os.environ[variable]
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
