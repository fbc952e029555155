"""How a training step grows: time and memory by batch, width and ranks.

    python benchmarks/training_growth.py [--png docs/images/growth.png]

The step of benchmarks/training_overhead.py (4,096-d image features, full
loss), one thread. Each row is measured in a process of its own. Times are
processor seconds; memory is what the peak of the process rises by above the
built model in the steps, so gradients and momentum count. Several ranks run
over gloo with 64 + 64 rows each and must end with equal weights; where they
are more than the cores, that is all their row says.
"""
from __future__ import annotations

import argparse
import multiprocessing
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import chtn_plugin  # noqa: F401  (first: see its __init__)
from chtn_plugin.engine.hooks import KeptMemoryHook

import matplotlib
import numpy as np
import torch
import torch.distributed as dist
from mmengine.registry import MODELS
from torch.nn.parallel import DistributedDataParallel

from evaluation_growth import MIB, forget_peak, peak
from figures import Figure, add_json_option, write_figures
from training_overhead import InMemory, model_config

BATCHES = (8, 16, 32, 64, 128, 256, 512, 1024)
WIDTHS = (32, 128, 512, 2048, 4096)
RANKS = (1, 2, 4)


def steps(number: int, batch: int, width: int,
          rank: int = 0) -> dict[str, Any]:
    """Train for some steps after two more; what one takes."""
    config = model_config(argparse.Namespace(trunk=False, width=width),
                          (4096, ))
    KeptMemoryHook().before_train(None)
    torch.manual_seed(0)
    model = bare = MODELS.build(config).train()
    if dist.is_initialized():
        model = DistributedDataParallel(bare)
    optimizer = torch.optim.SGD(bare.parameters(), lr=0.01, momentum=0.9,
                                weight_decay=5e-4)
    rows = [rank * batch + row for row in range(batch)]
    both = [InMemory(batch * (rank + 1), (4096, ), source).__getitems__(rows)
            for source in (False, True)]
    data = {part: {**both[0][part], **both[1][part]} for part in both[0]}
    before = forget_peak()
    times = []
    for _ in range(number + 2):
        start = time.process_time()
        losses = model(**data, mode='loss')
        optimizer.zero_grad()
        sum(value for name, value in losses.items()
            if name.startswith('loss_')).backward()
        optimizer.step()
        times.append(time.process_time() - start)
    weights = sum(float(p.detach().double().sum()) for p in bare.parameters())
    return dict(ms=float(np.median(times[2:])) * 1e3,
                mib=(peak() - before) / MIB, weights=weights)


def _child(queue: Any, number: int, batch: int, width: int, rank: int,
           ranks: int, store: str) -> None:
    torch.set_num_threads(1)
    if ranks > 1:
        dist.init_process_group('gloo', f'file://{store}', rank=rank,
                                world_size=ranks)
    queue.put(steps(number, batch, width, rank))
    if ranks > 1:
        dist.barrier()
        dist.destroy_process_group()


def measure(number: int, batch: int, width: int,
            ranks: int = 1) -> list[dict[str, Any]]:
    """What :func:`steps` found on each rank."""
    # Forked: what is imported takes neither time nor memory of the row's.
    context = multiprocessing.get_context('fork')
    queue = context.SimpleQueue()
    with tempfile.TemporaryDirectory() as folder:
        children = [context.Process(target=_child, args=(
            queue, number, batch, width, rank, ranks, f'{folder}/store'))
            for rank in range(ranks)]
        for child in children:
            child.start()
        found = [queue.get() for _ in children]
        for child in children:
            child.join()
    return found


def table(name: str, values: tuple[int, ...], number: int,
          **fixed: int) -> list[tuple[int, float, float]]:
    """Print the growth along one axis; (value, ms, MiB) each."""
    print(f'{name:>8} {"ms a step":>10} {"growth":>7} {"MiB":>8}   '
          f'({fixed}; growth: exponent since the row above)')
    rows: list[tuple[int, float, float]] = []
    for value in values:
        found, = measure(number, **{**fixed, name: value})
        exponent = '' if not rows else '{:.2f}'.format(
            np.log(found['ms'] / rows[-1][1]) / np.log(value / rows[-1][0]))
        rows.append((value, found['ms'], found['mib']))
        print(f'{value:8} {found["ms"]:10.1f} {exponent:>7} '
              f'{found["mib"]:8.0f}', flush=True)
    return rows


def rank_table(number: int) -> None:
    """Print the growth along the number of ranks."""
    print(f'{"ranks":>8} {"ms a step":>10} {"MiB":>8}   (of one rank, 64 rows '
          f'each, 512 wide; {len(os.sched_getaffinity(0))} cores)')
    for ranks in RANKS:
        found = measure(number, 64, 512, ranks)
        spread = np.ptp([one['weights'] for one in found])
        print(f'{ranks:8} {np.mean([one["ms"] for one in found]):10.1f} '
              f'{max(one["mib"] for one in found):8.0f}   weights of the '
              f'ranks {"equal" if spread == 0 else f"differ by {spread}"}',
              flush=True)


def draw(path: Path, axes: dict[str, list[tuple[int, float, float]]]) -> None:
    """Both growths on logarithmic axes, beside straight growth."""
    matplotlib.use('Agg')
    from matplotlib import pyplot
    figure, places = pyplot.subplots(1, len(axes), figsize=(8, 3.2), dpi=90)
    for place, (label, rows) in zip(places, axes.items(), strict=True):
        values, times, memory = np.array(rows).T
        place.loglog(values, times, 'o-', label='ms a step')
        place.loglog(values, memory, 's-', label='MiB a step')
        place.loglog(values, times[-1] * values / values[-1], ':',
                     color='grey', label='straight')
        place.set_xlabel(label)
        place.grid(alpha=.3)
        place.legend()
    figure.tight_layout()
    figure.savefig(path)


def main() -> None:
    """Measure, print, draw."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--steps', type=int, default=5)
    parser.add_argument('--png', type=Path, help='draw the growth there')
    parser.add_argument('--tiny', action='store_true',
                        help='two sizes each; to see that it works')
    add_json_option(parser)
    args = parser.parse_args()
    torch.set_num_threads(1)
    axes = {'batch (pairs; as many source rows), 512 wide': table(
        'batch', BATCHES[:2] if args.tiny else BATCHES, args.steps,
        width=16 if args.tiny else 512)}
    axes['width of fc6 to fc9, batch 64'] = table(
        'width', WIDTHS[:2] if args.tiny else WIDTHS, args.steps,
        batch=8 if args.tiny else 64)
    if not args.tiny:
        rank_table(args.steps)
    write_figures(args.json, 'training_growth', [
        Figure(f'{label}, exponent from {rows[-2][0]:,} to {rows[-1][0]:,}',
               float(np.log(rows[-1][1] / rows[-2][1])
                     / np.log(rows[-1][0] / rows[-2][0])))
        for label, rows in axes.items()])
    if args.png:
        draw(args.png, axes)


if __name__ == '__main__':
    main()
