"""Whole runs of tools/train.py on a device; used by benchmarks/gpu.py.

Each function starts processes of its own on a tiny data set, raises an
AssertionError where a run fails or ends with other weights, and returns what
it measured. They may run beside one another.
"""
from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / 'tests'))

import torch  # noqa: E402
from short_run import write_config  # noqa: E402

_running: set[subprocess.Popen] = set()
# When all must be over, and the seconds that one run may take.
_end, _longest = float('inf'), float('inf')
KEPT = ('default_hooks.checkpoint.max_keep_ckpts=-1',
        'default_hooks.checkpoint.interval=4', 'train_cfg.val_interval=12')
# Dropout draws by rank.
ONE_BATCH = ('model.image_pathway.dropout=0', )
GLOBAL = """
custom_hooks = _base_.custom_hooks + [dict(type='GlobalBatchNormHook')]
"""
FSDP = """
runner_type = 'FlexibleRunner'
strategy = dict(
    type='FSDPStrategy', state_dict_cfg='full',
    model_wrapper=dict(
        type='MMFullyShardedDataParallel', use_orig_params=True,
        auto_wrap_policy=dict(
            type='torch.distributed.fsdp.wrap.size_based_auto_wrap_policy',
            min_num_params=30)))
"""
Figures = dict[str, Any]


def limit_to(seconds: float, longest: float) -> None:
    """Let all runs from now on end within some seconds, each within fewer.

    Args:
        seconds: For all of them.
        longest: For one of them.
    """
    global _end, _longest
    _end, _longest = time.monotonic() + seconds, longest


def stop_all() -> None:
    """Kill what still runs."""
    for process in list(_running):
        process.kill()


def _start(device: str, config: Path, work_dir: Path, *options: str,
           overrides: Sequence[str] = (), rank: int = 0, world: int = 0,
           port: int = 0) -> subprocess.Popen:
    """Start tools/train.py, as one of ``world`` ranks; 0: without any."""
    paths = [str(ROOT), *filter(None, [os.environ.get('PYTHONPATH')])]
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(paths),
                       OMP_NUM_THREADS='1')
    if device == 'cpu':
        environment['CUDA_VISIBLE_DEVICES'] = ''
    if world:
        # Every rank on the first GPU, which gloo allows and NCCL does not.
        environment.update(
            RANK=str(rank), WORLD_SIZE=str(world), LOCAL_RANK='0',
            LOCAL_WORLD_SIZE='1', MASTER_ADDR='127.0.0.1',
            MASTER_PORT=str(port))
        options = (*options, '--launcher', 'pytorch')
    work_dir.mkdir(parents=True, exist_ok=True)
    with open(work_dir / f'out{rank}.txt', 'a') as log:
        return subprocess.Popen(
            [sys.executable, str(ROOT / 'tools/train.py'), str(config),
             '--work-dir', str(work_dir), *options]
            + ['--cfg-options', *overrides] * bool(overrides),
            env=environment, stdout=log, stderr=subprocess.STDOUT)


def train(device: str, config: Path, work_dir: Path, *options: str,
          overrides: Sequence[str] = (), world: int = 0) -> None:
    """Train to the end.

    Raises:
        AssertionError: A rank failed, or took longer than
            :func:`limit_to` allows.
    """
    with socket.socket() as server:
        server.bind(('127.0.0.1', 0))
        port = server.getsockname()[1]
    ranks = [_start(device, config, work_dir, *options, overrides=overrides,
                    rank=rank, world=world, port=port)
             for rank in range(max(1, world))]
    _running.update(ranks)
    end = min(_end, time.monotonic() + _longest)
    codes: list[int | str]
    try:
        codes = [rank.wait(None if end == float('inf') else max(
            0., end - time.monotonic())) for rank in ranks]
    except subprocess.TimeoutExpired:
        codes = ['took too long']
    finally:
        for rank in ranks:
            rank.kill()
            rank.wait()
            _running.discard(rank)
    if any(codes):
        said = ''.join((work_dir / f'out{rank}.txt').read_text()[-1500:]
                       for rank in range(len(ranks)))
        raise AssertionError(f'train.py ended with {codes}: {said}')


def _state(work_dir: Path, iteration: int = 12) -> dict[str, Any]:
    return torch.load(work_dir / f'iter_{iteration}.pth', map_location='cpu',
                      weights_only=False)


def _apart(one: Path, other: Path) -> float:
    """Largest difference of a weight after the last iteration."""
    mine, its = (_state(folder)['state_dict'] for folder in (one, other))
    assert mine.keys() == its.keys()
    return max((value.double() - its[name].double()).abs().max().item()
               for name, value in mine.items())


def check_resume(device: str, folder: Path, amp: bool, exact: bool
                 ) -> Figures:
    """A run that goes on from its middle ends as the whole one does.

    Args:
        device: ``'cuda'`` or ``'cpu'``.
        folder: An empty folder.
        amp: Whether in mixed precision, three batches an update.
        exact: Whether with deterministic algorithms: then bit for bit.
    """
    config = write_config(folder)
    options = ['--amp'] * amp
    more = [*KEPT, *['optim_wrapper.accumulative_counts=3'] * amp,
            *['randomness.deterministic=True'] * exact]
    train(device, config, folder / 'whole', *options, overrides=more)
    train(device, config, folder / 'again', *options, '--resume',
          str(folder / 'whole/iter_8.pth'), overrides=more)
    off = _apart(folder / 'whole', folder / 'again')
    assert off <= (0 if exact else 1e-3), off
    return dict(weights_off=off)


def check_one_rank(device: str, folder: Path) -> Figures:
    """DDP on one rank (NCCL on a GPU) trains as a single process does."""
    config = write_config(folder)
    train(device, config, folder / 'alone', overrides=KEPT)
    train(device, config, folder / 'rank', overrides=KEPT, world=1)
    off = _apart(folder / 'alone', folder / 'rank')
    assert off < 1e-4, off
    return dict(weights_off=off)


def check_fsdp(device: str, folder: Path) -> Figures:
    """FSDP in mixed precision on one rank, resumed: the loss scale too."""
    config = write_config(folder, FSDP)
    train(device, config, folder / 'whole', '--amp', overrides=KEPT, world=1)
    train(device, config, folder / 'again', '--amp', '--resume',
          str(folder / 'whole/iter_8.pth'), overrides=KEPT, world=1)
    off = _apart(folder / 'whole', folder / 'again')
    assert off < 1e-2, off
    scales = [_state(folder / name)['optimizer'].get('loss_scaler')
              for name in ('whole', 'again')]
    assert scales[0] == scales[1], scales
    assert device == 'cpu' or scales[0], 'fp16 without a loss scale'
    return dict(weights_off=off, loss_scaler=scales[0])


def check_two_ranks(device: str, folder: Path) -> Figures:
    """Two ranks over gloo on one device equal one with twice the batch."""
    config = write_config(folder, GLOBAL)
    train(device, config, folder / 'one', overrides=[
        *KEPT, *ONE_BATCH, 'train_dataloader.batch_size=16'])
    train(device, config, folder / 'two', overrides=[
        *KEPT, *ONE_BATCH, 'env_cfg.dist_cfg.backend=gloo'], world=2)
    off = _apart(folder / 'one', folder / 'two')
    assert off < 1e-3, off
    return dict(weights_off=off)


def check_compile(device: str, folder: Path) -> Figures:
    """``compile`` trains, and ends near the plain run.

    Without dropout, whose numbers inductor draws in its own way. A CPU traces
    only: inductor would compile C++ for minutes.
    """
    config = write_config(folder)
    backend = 'inductor' if device == 'cuda' else 'eager'
    train(device, config, folder / 'plain', overrides=[*KEPT, *ONE_BATCH])
    train(device, config, folder / 'compiled', overrides=[
        *KEPT, *ONE_BATCH, f'compile.backend={backend}'])
    off = _apart(folder / 'plain', folder / 'compiled')
    assert off < 0.1, off
    return dict(weights_off=off)
