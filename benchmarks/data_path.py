"""What this package's data path adds to a bare training loop over tensors.

    python benchmarks/data_path.py [--width 64]

2,173 pairs of ready features (image 4,096, text 300) and as many source rows,
batch 64 + 64, CHTN with all its losses. The bare loop indexes tensors by a
shuffled order. Against it, with the same step:

- ours: PassSampler, HybridTransferDataset over FeaturePairDataset (or over
  CrossModalDataset, whose manifest names as many made-up texts; its bare loop
  has bags of words too) and SourceFeatureDataset, cross_modal_collate;
- stock: the same items one by one, torch's default_collate;
- samples: the same items, each in an object of its own (a BaseDataElement
  beside a tensor), stacked as MMEngine's preprocessors do.

Blocks alternate in one process, on one thread and by processor time; a ratio
is the median over rounds. No workers: features in memory want none.
"""
from __future__ import annotations

import argparse
import itertools
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import chtn_plugin  # noqa: F401  (first: see its __init__)
from chtn_plugin.datasets import PassSampler, cross_modal_collate

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.registry import DATASETS, MODELS
from mmengine.structures import BaseDataElement
from torch.utils.data import DataLoader, Dataset

from figures import Figure, add_json_option, write_figures

LIMIT = 1.1
CLASSES = 10
Batch = dict[str, dict[str, torch.Tensor]]


def make_set(folder: Path, pairs: int, kind: str) -> Dataset:
    """Random features in files, as the package's data sets read them."""
    rng = np.random.default_rng(0)
    image, text, more = (rng.standard_normal((pairs, size), np.float32)
                         for size in (4096, 300, 4096))
    label = np.arange(pairs) % CLASSES
    np.savez(folder / 'pairs.npz', image=image, text=text, label=label)
    np.savez(folder / 'source.npz', F=more, label=label)
    if kind == 'FeaturePairDataset':
        target = dict(type=kind, file=str(folder / 'pairs.npz'), arrays=dict(
            train=dict(image='image', text='text', label='label'),
            val=dict(image='image', text='text', label='label')))
    else:
        words = rng.integers(300, size=(pairs, 8))
        rows = [f'{row}\ttrain\tclass {label[row]}\t{row}.png\t'
                + ' '.join(f'word{word}' for word in words[row])
                for row in range(pairs)]
        (folder / 'pairs.tsv').write_text(
            '\n'.join(['id\tsplit\tclass\timage\ttext', *rows]))
        target = dict(type=kind, ann_file='pairs.tsv', data_root=str(folder),
                      text=dict(type='BagOfWords'),
                      image_features=dict(file='pairs.npz', key='image'))
    return DATASETS.build(dict(
        type='HybridTransferDataset', target=target,
        source=dict(type='SourceFeatureDataset',
                    file=str(folder / 'source.npz'))))


class OneByOne(Dataset):
    """The same items without ``__getitems__``."""

    def __init__(self, dataset: Dataset, packed: bool) -> None:
        self.dataset, self.packed = dataset, packed

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> dict[str, Any]:
        item = self.dataset[index]
        if self.packed:
            item['data_samples'] = BaseDataElement(**item['data_samples'])
        return item


def unpacked(batch: dict[str, Any]) -> Batch:
    """What a preprocessor makes of pseudo_collate's lists."""
    samples = batch['data_samples']
    return dict(
        inputs={name: torch.stack(values)
                for name, values in batch['inputs'].items()},
        data_samples={name: torch.stack([s.get(name) for s in samples])
                      for name in samples[0].keys()})  # noqa: SIM118


def bare(dataset: Dataset, batch: int) -> Iterator[Batch]:
    """Rows of tensors in a shuffled order, without end."""
    rows = dataset.__getitems__(list(range(len(dataset))))
    for _ in itertools.count():
        pairs, source = (torch.randperm(len(dataset)) for _ in range(2))
        for first in range(0, len(dataset) - batch + 1, batch):
            chosen = pairs[first:first + batch]
            other = source[first:first + batch]
            yield {part: {
                name: value[other if name.startswith('source') else chosen]
                for name, value in values.items()}
                for part, values in rows.items()}


def endless(loader: DataLoader) -> Iterator[Any]:
    """Pass after pass."""
    while True:
        yield from loader


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--pairs', type=int, default=2173)
    parser.add_argument('--batch', type=int, default=64)
    parser.add_argument('--width', type=int, nargs='+', default=[64, 512],
                        help='widths of fc6 to fc9 (default: 64 512)')
    parser.add_argument('--rounds', type=int, default=9)
    parser.add_argument('--block', type=int, default=20,
                        help='steps of each path in a round')
    add_json_option(parser)
    args = parser.parse_args()
    torch.set_num_threads(1)
    print(f'{"":<20} {"width":>5} {"bare ms":>8} {"ours":>6} {"stock":>6} '
          f'{"samples":>8}   (over bare; quartiles of ours)')
    figures = []
    for kind, width in itertools.product(
            ('FeaturePairDataset', 'CrossModalDataset'), args.width):
        with tempfile.TemporaryDirectory() as folder:
            dataset = make_set(Path(folder), args.pairs, kind)
        times = measure(dataset, width, args)
        ratios = times[:, 1:] / times[:, :1]
        ours, stock, samples = np.median(ratios, 0)
        low, high = np.quantile(ratios[:, 0], [.25, .75])
        print(f'{kind:<20} {width:>5} {np.median(times[:, 0]):8.2f} '
              f'{ours:6.3f} {stock:6.3f} {samples:8.3f}   '
              f'({low:.3f} to {high:.3f})', flush=True)
        name = f'{kind}, {width} wide'
        figures += [Figure(name, ours, 'loop over tensors', limit=LIMIT),
                    Figure(f'{name}, stock collation', stock,
                           'loop over tensors'),
                    Figure(f'{name}, an object a sample', samples,
                           'loop over tensors')]
    write_figures(args.json, 'data_path', figures)


def measure(dataset: Dataset, width: int,
            args: argparse.Namespace) -> np.ndarray:
    """Milliseconds a step of the four paths, (rounds, 4)."""
    layers = (width, width)
    some = dataset.__getitems__([0, 1])['inputs']
    torch.manual_seed(0)
    model = MODELS.build(dict(
        type='CHTN', num_classes=CLASSES, num_source_classes=CLASSES,
        input_shape=(4096, ),
        text_encoder=dict(type='VectorTextEncoder',
                          out_features=some['text'].shape[1]),
        image_pathway=dict(type='Pathway', widths=layers),
        common_head=dict(type='CommonHead', widths=layers))).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)

    def loader(data: Dataset, collate: Callable | None) -> DataLoader:
        return DataLoader(data, args.batch, collate_fn=collate,
                          sampler=PassSampler(data, infinite=True, seed=0))

    paths = [
        bare(dataset, args.batch),
        endless(loader(dataset, cross_modal_collate)),
        endless(loader(OneByOne(dataset, packed=False), None)),
        map(unpacked, endless(loader(OneByOne(dataset, packed=True),
                                     pseudo_collate)))]

    def block(path: Iterator[Batch]) -> float:
        start = time.process_time()
        for _ in range(args.block):
            batch = next(path)
            losses = model.loss(**batch)
            optimizer.zero_grad()
            sum(value for name, value in losses.items()
                if name.startswith('loss_')).backward()
            optimizer.step()
        return (time.process_time() - start) / args.block * 1e3

    for path in paths:
        block(path)
    return np.array([[block(path) for path in paths]
                     for _ in range(args.rounds)])


if __name__ == '__main__':
    main()
