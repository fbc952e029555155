"""The stock Runner with this package's parts against a hand-written loop.

    python benchmarks/training_overhead.py [--width 512] [--trunk]

Feature level: 2,173 pairs, 4096-d image features, 300-d texts, batch 64 + 64,
the full loss, every hook of configs/_base_/default_runtime.py. With --trunk:
images in memory, 3 x 224 x 224, through AlexNetBN (batch 8 + 8), as an
end-to-end step.

The hand-written loop slices tensors, runs modules of the same sizes and steps
the same optimizer. Blocks of both alternate in one process, on one thread and
by processor time, so that a busy machine slows them alike; the ratio is the
median over pairs of blocks.
"""
from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import chtn_plugin  # noqa: F401  (first: see its __init__)

import numpy as np
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import DATASETS, HOOKS, MODELS
from mmengine.runner import Runner

from figures import Figure, add_json_option, write_figures

ROOT = Path(__file__).resolve().parents[1]
# Most time over a hand-written loop, at feature level and with a trunk.
FEATURE_LIMIT, TRUNK_LIMIT = 1.10, 1.03
FEATURE_AIM = 1.05


@DATASETS.register_module()
class InMemory(torch.utils.data.Dataset):
    """Random pairs or source images, of any shape."""

    def __init__(self, count: int, image: tuple[int, ...], source: bool,
                 num_classes: int = 10) -> None:
        generator = torch.Generator().manual_seed(int(source))
        self.image = torch.randn(count, *image, generator=generator)
        self.text = torch.randn(1 if source else count, 300,
                                generator=generator)
        self.label = torch.arange(count) % num_classes
        self.source = source
        self.metainfo: dict[str, Any] = (
            dict(num_classes=num_classes) if source else
            dict(classes=tuple('abcdefghij')))

    def __len__(self) -> int:
        return len(self.image)

    def __getitems__(self, indices: list[int]) -> dict[str, Any]:
        rows = torch.tensor([int(index) for index in indices])
        if self.source:
            return dict(inputs=dict(source_image=self.image[rows]),
                        data_samples=dict(source_label=self.label[rows]))
        return dict(
            inputs=dict(image=self.image[rows], text=self.text[rows]),
            data_samples=dict(label=self.label[rows], sample_idx=rows,
                              image_idx=rows, text_idx=rows))


def model_config(args: argparse.Namespace, image: tuple[int, ...]) -> dict:
    """CHTN with the release's five losses."""
    return dict(
        type='CHTN', num_classes=10, num_source_classes=10,
        backbone=dict(type='AlexNetBN') if args.trunk else None,
        input_shape=image,
        text_encoder=dict(type='VectorTextEncoder', out_features=300),
        image_pathway=dict(type='Pathway', widths=(args.width, args.width)),
        common_head=dict(type='CommonHead', widths=(args.width, args.width)))


class HandWritten:
    """What one would write without MMEngine."""

    def __init__(self, config: dict, pairs: InMemory, source: InMemory,
                 batch: int) -> None:
        torch.manual_seed(0)
        self.model = MODELS.build(config).train()
        self.optimizer = torch.optim.SGD(
            [p for p in self.model.parameters() if p.requires_grad],
            lr=0.01, momentum=0.9, weight_decay=5e-4)
        self.pairs, self.source, self.batch = pairs, source, batch

    def step(self) -> None:
        """One iteration."""
        rows = torch.randint(len(self.pairs), (self.batch, ))
        more = torch.randint(len(self.source), (self.batch, ))
        losses = self.model.loss(
            dict(image=self.pairs.image[rows], text=self.pairs.text[rows],
                 source_image=self.source.image[more]),
            dict(label=self.pairs.label[rows], image_idx=rows, text_idx=rows,
                 source_label=self.source.label[more]))
        total = sum(value for name, value in losses.items()
                    if name.startswith('loss_'))
        self.optimizer.zero_grad()
        total.backward()
        self.optimizer.step()
        total.item()


@HOOKS.register_module()
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
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--width', type=int, default=512)
    parser.add_argument('--blocks', type=int, default=15)
    parser.add_argument('--block', type=int)
    parser.add_argument('--trunk', action='store_true')
    add_json_option(parser)
    args = parser.parse_args()
    torch.set_num_threads(1)
    image = (3, 224, 224) if args.trunk else (4096, )
    batch, count = (8, 64) if args.trunk else (64, 2173)
    block = args.block or (3 if args.trunk else 20)
    config = model_config(args, image)
    parts = [dict(type='InMemory', count=count, image=image, source=source)
             for source in (False, True)]
    cfg = Config.fromfile(ROOT / 'configs/_base_/default_runtime.py')
    cfg.default_hooks.checkpoint.update(interval=10**9, save_best=None,
                                        save_last=False)
    cfg.merge_from_dict(dict(
        model=config, work_dir=tempfile.mkdtemp(), log_level='ERROR',
        train_cfg=dict(by_epoch=False, max_iters=block * (args.blocks + 1)),
        optim_wrapper=dict(optimizer=dict(
            type='SGD', lr=0.01, momentum=0.9, weight_decay=5e-4)),
        train_dataloader=dict(
            batch_size=batch, num_workers=0,
            sampler=dict(type='PassSampler', infinite=True),
            collate_fn=dict(type='cross_modal_collate'),
            dataset=dict(type='HybridTransferDataset', target=parts[0],
                         source=parts[1]))))
    runner = Runner.from_cfg(cfg)
    other = HandWritten(config, *(DATASETS.build(p) for p in parts), batch)
    hook = AlternateHook(other, block)
    runner.register_hook(hook)
    runner.train()
    pairs = np.array(hook.seconds[1:]) / block * 1e3
    ratios = pairs[:, 0] / pairs[:, 1]
    name = 'AlexNetBN' if args.trunk else 'feature level'
    print(f'{name}, width {args.width}: stock Runner '
          f'{np.median(pairs[:, 0]):.2f} ms, hand-written '
          f'{np.median(pairs[:, 1]):.2f} ms an iteration; ratio '
          f'{statistics.median(ratios):.3f} (quartiles '
          f'{np.quantile(ratios, .25):.3f} to '
          f'{np.quantile(ratios, .75):.3f}, {len(ratios)} pairs of blocks)')
    write_figures(args.json, 'training_overhead', [Figure(
        f'iteration of the Runner, {name}', statistics.median(ratios),
        'hand-written loop',
        **(dict(limit=TRUNK_LIMIT) if args.trunk else
           dict(limit=FEATURE_LIMIT, aim=FEATURE_AIM)))])


if __name__ == '__main__':
    main()
