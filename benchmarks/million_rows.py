"""An epoch over a million pairs against a bare loop over tensors.

    python benchmarks/million_rows.py [--rows 1000000]

Generated texts of twelve words as bags of 256 terms, ready picture features,
DSCMR. The stock Runner with all default hooks reads a manifest; the other is
what one would write by hand over four tensors in memory, with the same step.
Blocks of both alternate in one process, on one thread, by processor time,
over the whole epoch.
"""
from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import chtn_plugin  # noqa: F401  (first: see its __init__)

import numpy as np
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.logging import MMLogger
from mmengine.registry import DATASETS, MODELS
from mmengine.runner import Runner
from torch import Tensor

from evaluation_growth import MIB, forget_peak, peak
from scale import write_manifest

ROOT = Path(__file__).resolve().parents[1]
TERMS, FEATURES = 256, 128


class HandWritten:
    """The same step on rows of tensors, in a shuffled order."""

    def __init__(self, config: dict, image: Tensor, text: Tensor,
                 label: Tensor, batch: int) -> None:
        torch.manual_seed(0)
        self.model = MODELS.build(config).train()
        self.optimizer = torch.optim.SGD(
            self.model.parameters(), lr=0.01, momentum=0.9)
        self.image, self.text, self.label = image, text, label
        self.batch = batch
        self.order = torch.randperm(len(label))
        self.place = 0

    def step(self) -> None:
        """One iteration."""
        rows = self.order[self.place:self.place + self.batch]
        self.place += self.batch
        if self.place + self.batch > len(self.order):
            self.place = 0
        losses = self.model.loss(
            dict(image=self.image[rows], text=self.text[rows]),
            dict(label=self.label[rows], image_idx=rows, text_idx=rows))
        total = sum(value for name, value in losses.items()
                    if name.startswith('loss_'))
        self.optimizer.zero_grad()
        total.backward()
        self.optimizer.step()
        total.item()


class AlternateHook(Hook):
    """After a block of the Runner's iterations, a block of the other's."""
    priority = 'LOWEST'

    def __init__(self, other: HandWritten, block: int) -> None:
        self.other, self.block = other, block
        self.seconds: list[tuple[float, float]] = []
        self._start = 0.0

    def before_train_epoch(self, runner: Any) -> None:
        self._start = time.process_time()

    def after_train_iter(self, runner: Any, batch_idx: int,
                         data_batch: Any = None, outputs: Any = None) -> None:
        if (runner.iter + 1) % self.block:
            return
        middle = time.process_time()
        for _ in range(self.block):
            self.other.step()
        end = time.process_time()
        self.seconds.append((middle - self._start, end - middle))
        self._start = time.process_time()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rows', type=int, default=1_000_000)
    parser.add_argument('--batch', type=int, default=256)
    parser.add_argument('--width', type=int, default=512)
    parser.add_argument('--block', type=int, default=25)
    args = parser.parse_args()
    torch.set_num_threads(1)
    MMLogger.get_current_instance().setLevel('ERROR')
    with tempfile.TemporaryDirectory() as folder:
        train(args, Path(folder))


def train(args: argparse.Namespace, folder: Path) -> None:
    """Train an epoch both ways, and print the ratio."""
    manifest = write_manifest(folder, args.rows, 10)
    np.savez(folder / 'features.npz', x=np.random.default_rng(
        0).standard_normal((args.rows, FEATURES), np.float32))
    model = dict(
        type='DSCMR', num_classes=10,
        trunk=dict(input_shape=(FEATURES, )),
        text_encoder=dict(type='VectorTextEncoder', out_features=TERMS),
        widths=(args.width, 128))
    train_rows = args.rows - args.rows // 10
    steps = train_rows // args.batch
    cfg = Config.fromfile(ROOT / 'configs/_base_/default_runtime.py')
    cfg.default_hooks.checkpoint.update(interval=10**9, save_best=None,
                                        save_last=False)
    cfg.merge_from_dict(dict(
        model=model, work_dir=str(folder / 'run'), log_level='ERROR',
        train_cfg=dict(by_epoch=False, max_iters=steps),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.01,
                                          momentum=0.9)),
        train_dataloader=dict(
            batch_size=args.batch, num_workers=0,
            sampler=dict(type='PassSampler', infinite=True),
            collate_fn=dict(type='cross_modal_collate'),
            dataset=dict(
                type='CrossModalDataset', ann_file=str(manifest),
                text=dict(type='BagOfWords', num_terms=TERMS),
                image_features=dict(file=str(folder / 'features.npz'),
                                    key='x')))))
    before, start = forget_peak(), time.process_time()
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    dataset.full_init()
    print(f'{args.rows:,} rows: data set made in '
          f'{time.process_time() - start:.1f} s, '
          f'{(peak() - before) / MIB:.0f} MiB', flush=True)
    runner = Runner.from_cfg(cfg)
    runner._train_dataloader['dataset'] = dataset
    whole = dataset.__getitems__(range(len(dataset)))
    other = HandWritten(model, whole['inputs']['image'],
                        whole['inputs']['text'],
                        whole['data_samples']['label'], args.batch)
    hook = AlternateHook(other, args.block)
    runner.register_hook(hook)
    start = time.process_time()
    runner.train()
    pairs = np.array(hook.seconds[1:])
    ratios = pairs[:, 0] / pairs[:, 1]
    ours, bare = pairs.sum(0) / (len(pairs) * args.block) * 1e3
    print(f'an epoch of {steps} iterations of {args.batch}, width '
          f'{args.width}: stock Runner {ours:.2f} ms, bare loop {bare:.2f} ms '
          f'an iteration; ratio of the sums {ours / bare:.3f}, of blocks '
          f'{np.median(ratios):.3f} (quartiles {np.quantile(ratios, .25):.3f}'
          f' to {np.quantile(ratios, .75):.3f}, {len(ratios)} pairs)')


if __name__ == '__main__':
    main()
