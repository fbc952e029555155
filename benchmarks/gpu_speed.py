"""How fast a device trains, scores and searches; used by benchmarks/gpu.py.

Each function returns what it measured; ``tiny`` rehearses it in seconds on a
CPU, where the figures mean nothing.
"""
from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import chtn_plugin  # noqa: F401  (first: see its __init__)

import numpy as np  # isort: skip
import torch  # isort: skip
from mmengine.config import Config  # isort: skip
from mmengine.dataset import Compose  # isort: skip
from mmengine.hooks import Hook  # isort: skip
from mmengine.registry import MODELS  # isort: skip
from mmengine.runner import Runner  # isort: skip
from PIL import Image  # isort: skip
from torch import Tensor  # isort: skip
from torch.utils.data import DataLoader  # isort: skip
from torch.utils.flop_counter import FlopCounterMode  # isort: skip

from chtn_plugin.datasets.images import load_images  # isort: skip
from chtn_plugin.evaluation import (  # isort: skip
    Embeddings,
    score_embeddings,
)
from chtn_plugin.evaluation.exact_search import (  # isort: skip
    nearest,
    unit_rows,
)

ROOT = Path(__file__).resolve().parents[1]
PRECISIONS = ('float32', 'tf32', 'float16', 'bfloat16')
Figures = dict[str, Any]


def synchronize(device: str) -> None:
    """Wait for the device."""
    if device == 'cuda':
        torch.cuda.synchronize()


def seconds(device: str, action: Callable[[], Any], repeat: int) -> float:
    """Seconds of one call: the mean of ``repeat``, after one more."""
    action()
    synchronize(device)
    start = time.perf_counter()
    for _ in range(repeat):
        action()
    synchronize(device)
    return (time.perf_counter() - start) / repeat


def precision(name: str) -> torch.dtype:
    """Set TF32 as a precision asks, and give the type of its products."""
    torch.backends.cuda.matmul.allow_tf32 = name == 'tf32'
    torch.backends.cudnn.allow_tf32 = name == 'tf32'
    return torch.float32 if name in ('float32', 'tf32') else getattr(
        torch, name)


def measure_chip(device: str, tiny: bool) -> Figures:
    """Operations a second in matrix products, and bytes a second."""
    size, found = (256 if tiny else 8192), {}
    for name in PRECISIONS if device == 'cuda' else PRECISIONS[:1]:
        a = torch.randn(size, size, device=device, dtype=precision(name))
        taken = seconds(device, lambda a=a: a @ a, 2 if tiny else 10)
        found[f'{name}_tflops'] = 2 * size**3 / taken / 1e12
    many = torch.empty((1 if tiny else 256) * 2**20, device=device)
    taken = seconds(device, lambda: many.add_(1), 5)
    found['memory_gbytes_a_second'] = 8 * many.numel() / taken / 1e9
    return found


class Wiki:
    """A step of configs/chtn_wiki.py on pictures in memory."""

    def __init__(self, device: str, tiny: bool) -> None:
        self.device, self.tiny = device, tiny
        self.batch = 4 if tiny else 64
        cfg = Config.fromfile(ROOT / 'configs/chtn_wiki.py')
        self.config = cfg.model.to_dict()
        self.config['data_preprocessor'] = dict(
            type='CrossModalDataPreprocessor')
        if tiny:
            for part in ('image_pathway', 'common_head'):
                self.config[part]['widths'] = (16, 16)
        draw = torch.Generator().manual_seed(0)
        self.count = 2 * self.batch
        shape = (self.count, 3, 224, 224)
        self.images, self.sources = (
            torch.randint(256, shape, generator=draw, dtype=torch.uint8)
            for _ in range(2))
        self.texts = torch.rand(self.count, 3000, generator=draw)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self.__getitems__([index])

    def __getitems__(self, indices: list[int]) -> dict[str, Any]:
        rows = torch.tensor([int(index) for index in indices])
        return dict(
            inputs=dict(image=self.images[rows], text=self.texts[rows],
                        source_image=self.sources[rows]),
            data_samples=dict(label=rows % 10, source_label=rows % 1000,
                              sample_idx=rows, image_idx=rows,
                              text_idx=rows))

    def plain(self, dtype: torch.dtype, iterations: int) -> Figures:
        """Train in a loop that is written by hand."""
        torch.manual_seed(0)
        model = MODELS.build(self.config).to(self.device).train()
        optimizer = torch.optim.SGD(
            [p for p in model.parameters() if p.requires_grad], lr=1e-4,
            momentum=0.9, weight_decay=5e-4)
        half = dtype != torch.float32
        scaler = torch.amp.GradScaler(
            self.device, enabled=dtype == torch.float16)
        batches = [self._pinned(self.__getitems__(list(range(
            first, first + self.batch)))) for first in (0, self.batch)]
        turn = iter(range(10**9))

        def step() -> None:
            ready = model.data_preprocessor(batches[next(turn) % 2], True)
            with torch.autocast(self.device, dtype if half else
                                torch.bfloat16, enabled=half):
                losses = model(**ready, mode='loss')
            total: Any = sum(value for name, value in losses.items()
                             if 'loss' in name)
            scaler.scale(total).backward()
            scaler.step(optimizer)
            scaler.update()
            optimizer.zero_grad()
        with FlopCounterMode(display=False) as counter:
            step()
        if self.device == 'cuda':
            torch.cuda.reset_peak_memory_stats()
        taken = seconds(self.device, step, iterations)
        memory = (torch.cuda.max_memory_allocated() / 2**30
                  if self.device == 'cuda' else 0.0)
        return dict(ms=1e3 * taken, tflop=counter.get_total_flops() / 1e12,
                    peak_gib=memory)

    def _pinned(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._pinned(item) for name, item in value.items()}
        return value.pin_memory() if self.device == 'cuda' else value

    def runner(self, name: str, iterations: int) -> float:
        """Train with the stock Runner and every default hook; ms a step."""
        cfg = Config.fromfile(ROOT / 'configs/_base_/default_runtime.py')
        cfg.default_hooks.checkpoint.update(
            interval=10**9, save_best=None, save_last=False)
        wrapper: dict[str, Any] = dict(
            type='OptimWrapper', optimizer=dict(
                type='SGD', lr=1e-4, momentum=0.9, weight_decay=5e-4))
        if name in ('float16', 'bfloat16'):
            wrapper.update(
                type='AmpOptimWrapper', dtype=name, loss_scale='dynamic'
                if name == 'float16' else dict(enabled=False))
        workers = 0 if self.tiny else 4
        loader = DataLoader(
            self, self.batch, sampler=_Endless(self.count),
            num_workers=workers, collate_fn=_as_it_is, drop_last=True,
            pin_memory=self.device == 'cuda')
        clock = _Clock(self.device, warm=iterations)
        with tempfile.TemporaryDirectory() as folder:
            runner = Runner(
                self.config, folder, train_dataloader=loader,
                train_cfg=dict(by_epoch=False, max_iters=2 * iterations),
                optim_wrapper=wrapper, default_hooks=cfg.default_hooks,
                custom_hooks=cfg.custom_hooks, env_cfg=cfg.env_cfg,
                log_processor=cfg.log_processor, log_level='ERROR',
                experiment_name=f'{Path(folder).name}-{name}')
            runner.register_hook(clock)
            runner.train()
        return 1e3 * clock.taken / iterations


def _as_it_is(data: Any) -> Any:
    return data


class _Endless(torch.utils.data.Sampler):

    def __init__(self, count: int) -> None:
        self.count = count

    def __iter__(self) -> Any:
        while True:
            yield from range(self.count)

    def __len__(self) -> int:
        return self.count


class _Clock(Hook):
    """Times the iterations after the first ones."""
    priority = 'LOWEST'

    def __init__(self, device: str, warm: int) -> None:
        self.device, self.warm, self.taken = device, warm, 0.0
        self._start = 0.0

    def after_train_iter(self, runner: Any, batch_idx: int,
                         data_batch: Any = None,
                         outputs: Any = None) -> None:
        if runner.iter + 1 == self.warm:
            synchronize(self.device)
            self._start = time.perf_counter()

    def after_train(self, runner: Any) -> None:
        synchronize(self.device)
        self.taken = time.perf_counter() - self._start


def measure_step(device: str, tiny: bool, chip: Figures) -> Figures:
    """A step of chtn_wiki: by hand, by the Runner, and the chip's limit."""
    wiki = Wiki(device, tiny)
    iterations = 2 if tiny else 30
    found: Figures = dict(batch=f'{wiki.batch} + {wiki.batch}')
    for name in PRECISIONS if device == 'cuda' else PRECISIONS[:1]:
        dtype = precision(name)
        plain = wiki.plain(dtype, iterations)
        runner = wiki.runner(name, iterations)
        limit = 1e3 * plain['tflop'] / chip[f'{name}_tflops']
        found[name] = dict(
            plain, runner_ms=runner, runner_over_plain=runner / plain['ms'],
            limit_ms=limit, plain_over_limit=plain['ms'] / limit)
    return found


def measure_decoding(device: str, tiny: bool, step: Figures) -> Figures:
    """Pictures a second that workers decode, beside what a step needs."""
    count = 16 if tiny else 1024
    workers = 0 if tiny else min(16, os.cpu_count() or 1)
    pipeline = [dict(type='LoadImageFromFile'),
                dict(type='mmpretrain.Resize', scale=(256, 256)),
                dict(type='mmpretrain.RandomCrop', crop_size=224)]
    with tempfile.TemporaryDirectory() as folder:
        draw = np.random.default_rng(0)
        paths = []
        for number in range(16):
            low = draw.integers(0, 256, (24, 32, 3), np.uint8)
            paths.append(f'{folder}/{number}.jpg')
            Image.fromarray(low).resize((500, 375)).save(paths[-1],
                                                         quality=90)
        files = _Files(paths * (count // 16), pipeline)
        loader = DataLoader(files, 16, num_workers=workers,
                            collate_fn=_as_it_is)
        iterator = iter(loader)
        next(iterator)  # the workers are started
        start = time.perf_counter()
        pictures = sum(len(batch) for batch in iterator)
        rate = pictures / (time.perf_counter() - start)
    found: Figures = dict(pictures_a_second=rate, workers=workers)
    for name, figures in step.items():
        if isinstance(figures, dict):
            batch = int(step['batch'].split()[0])
            needed = 2 * batch / figures['runner_ms'] * 1e3
            found[f'needed_by_{name}'] = needed
    return found


class _Files(torch.utils.data.Dataset):

    def __init__(self, paths: list[str], pipeline: list[dict]) -> None:
        self.paths, self.pipeline = paths, Compose(pipeline)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitems__(self, indices: list[int]) -> list[Tensor]:
        return load_images([self.paths[i] for i in indices], self.pipeline,
                           indices)


def measure_evaluation(device: str, tiny: bool, budget: float) -> Figures:
    """Exact scores of 10^5 queries in a gallery of 10^6, 64 numbers each.

    A hundredth of the queries comes first; all of them, if the time that is
    left allows.
    """
    queries, gallery = (300, 2000) if tiny else (100_000, 1_000_000)
    draw = np.random.default_rng(0)
    image, text = (draw.standard_normal((n, 64), np.float32)
                   for n in (queries, gallery))
    label = [np.arange(n) % 1000 for n in (queries, gallery)]
    found: Figures = dict(queries=queries, gallery=gallery)
    for share in (100, 1):
        some = slice(0, queries // share)
        start = time.perf_counter()
        score, = score_embeddings(
            Embeddings(image=image[some], text=text,
                       image_label=label[0][some], text_label=label[1]),
            ['chtn-map-all'], ['i2t'], device)
        taken = time.perf_counter() - start
        found['all_seconds' if share == 1 else 'hundredth_seconds'] = taken
        found['mAP'] = score.value
        if share * taken > budget:
            found['left_out'] = 'all queries: no time left'
            break
    return found


def measure_search(device: str, tiny: bool) -> Figures:
    """Exact search in 10^5 items on the host, beside a product there."""
    items = 2000 if tiny else 100_000
    draw = np.random.default_rng(0)
    rows = unit_rows(draw.standard_normal((items, 512), np.float32))
    query = rows[:1]
    column = np.asfortranarray(rows)
    # An index knows the length of its longest row.
    own = seconds('cpu', lambda: nearest(query, column, 10, 1.0), 10)
    _, places = nearest(query, column, 10, 1.0)
    assert places[0, 0] == 0, 'an item is nearest to itself'
    there = torch.from_numpy(rows).to(device)
    product = seconds(device, lambda: (there @ there[0]).topk(10), 10)
    return dict(items=items, ms=1e3 * own, device_product_ms=1e3 * product)
