"""A run of seconds: ready features, a tiny CHTN, the real tools."""
from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Optional

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
CONFIG = """
_base_ = [{runtime!r}]
model = dict(
    type='CHTN', num_classes=3, num_source_classes=4, backbone=None,
    input_shape=(6,),
    text_encoder=dict(type='VectorTextEncoder', out_features=5, norm='bn'),
    image_pathway=dict(type='Pathway', widths=(8, 8), dropout=0.2),
    common_head=dict(type='CommonHead', widths=(8, 8)),
    mmd=dict(type='MMDLoss'), pair=dict(type='PairwiseLoss',
                                        loss_weight=0.01))
arrays = dict(train=dict(image='image', text='text', label='label'),
              test=dict(image='image_te', text='text_te', label='label_te'))
pairs = dict(type='FeaturePairDataset', file={pairs!r}, arrays=arrays)
train_dataloader = dict(
    batch_size=8, num_workers=0,
    sampler=dict(type='PassSampler', shuffle=True, infinite=True),
    collate_fn=dict(type='cross_modal_collate'),
    dataset=dict(
        type='HybridTransferDataset', target=dict(split='train', **pairs),
        source=dict(type='SourceFeatureDataset', file={source!r})))
val_dataloader = dict(
    batch_size=16, num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='cross_modal_collate'),
    dataset=dict(split='val', **pairs))
test_dataloader = dict(
    batch_size=16, num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='cross_modal_collate'),
    dataset=dict(split='test', **pairs))
val_evaluator = dict(type='RetrievalMetric')
test_evaluator = dict(type='RetrievalMetric')
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.05, momentum=0.9, weight_decay=5e-4))
param_scheduler = dict(type='CosineAnnealingLR', by_epoch=False, T_max=12)
train_cfg = dict(by_epoch=False, max_iters=12, val_interval=4)
val_cfg = dict()
test_cfg = dict()
default_hooks = dict(logger=dict(interval=1),
                     checkpoint=dict(interval=2, max_keep_ckpts=3))
log_processor = dict(window_size=1)
"""


def write_config(folder: Path, more: str = '') -> Path:
    """Features of 37 training pairs, 20 test pairs, and a configuration."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(3, 6))
    arrays = {}
    for suffix, count in (('', 37), ('_te', 20)):
        label = np.arange(count) % 3
        image = centres[label] + rng.normal(size=(count, 6))
        arrays |= {f'image{suffix}': image,
                   f'text{suffix}': image[:, :5] + rng.normal(
                       size=(count, 5)),
                   f'label{suffix}': label}
    np.savez(folder / 'pairs.npz', **arrays)
    np.savez(folder / 'source.npz', F=rng.normal(size=(23, 6)),
             label=np.arange(23) % 4)
    config = folder / 'tiny.py'
    config.write_text(CONFIG.format(
        runtime=str(ROOT / 'configs/_base_/default_runtime.py'),
        pairs=str(folder / 'pairs.npz'), source=str(folder / 'source.npz'))
        + more)
    return config


def command(tool: str, *arguments: Any, ranks: int = 1,
            port: int = 0) -> list[str]:
    """The command line of a tool, under torchrun for several ranks."""
    arguments = [str(argument) for argument in arguments]
    if ranks == 1:
        return [sys.executable, str(ROOT / 'tools' / tool), *arguments]
    return [sys.executable, '-m', 'torch.distributed.run', '--standalone',
            f'--nproc_per_node={ranks}', str(ROOT / 'tools' / tool),
            *arguments, '--launcher', 'pytorch']


def environment() -> dict[str, str]:
    """One thread a process, and this source tree first."""
    return {**os.environ, 'OMP_NUM_THREADS': '1', 'MKL_NUM_THREADS': '1',
            'PYTHONPATH': str(ROOT), 'CUDA_VISIBLE_DEVICES': '',
            'PYTHON': sys.executable}


def run(tool: str, *arguments: Any, ranks: int = 1, check: bool = True,
        cwd: Optional[Path] = None) -> subprocess.CompletedProcess:
    """Run a tool to its end."""
    done = subprocess.run(
        command(tool, *arguments, ranks=ranks), env=environment(), cwd=cwd,
        capture_output=True, text=True, timeout=300)
    if check and done.returncode:
        raise AssertionError(done.stdout[-3000:] + done.stderr[-6000:])
    return done


def losses(work_dir: Path) -> dict[int, float]:
    """Loss of each iteration as logged; the last word of each counts."""
    found = {}
    for log in sorted(work_dir.glob('*/*.log')):
        for line in log.read_text().splitlines():
            match = re.search(r'Iter\(train\) +\[ *(\d+)/\d+\].*? loss: '
                              r'([\d.naif]+)', line)
            if match:
                found[int(match[1])] = float(match[2])
    return found


def kill_when(process: subprocess.Popen, ready: Any,
              timeout: float = 120) -> None:
    """Kill -9 a process and its children as soon as something holds."""
    end = time.monotonic() + timeout
    while not ready():
        if process.poll() is not None:
            return
        if time.monotonic() > end:
            os.killpg(process.pid, signal.SIGKILL)
            raise AssertionError('it never came so far')
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
