"""What the feature cache saves: an epoch of frozen-trunk training.

    python benchmarks/feature_cache.py [--pairs 2173] [--images FOLDER]

Trains CHTN with a frozen AlexNetBN at 224 pixels on pairs of made photos and
words (or pictures of a folder), with as many source images, through the
images and from the cache, in one process. The epoch through the images is
scaled up from --batches of it; all else is run whole. The made photos are
small (128 x 96), which favours the epoch through the images. On a shared
machine trust the second column, CPU seconds of all threads.
"""
from __future__ import annotations

import argparse
import itertools
import json
import tempfile
import time
from pathlib import Path

import chtn_plugin.datasets.image_transforms  # noqa: F401  (first)
from chtn_plugin.datasets import cross_modal_collate
from chtn_plugin.engine.feature_cache import cache_features, image_datasets
from chtn_plugin.storage.row_store import folder_bytes

import numpy as np
import torch
from mmengine.registry import DATASETS, MODELS
from torch.utils.data import DataLoader

from images import make_photos

PIPELINE = [dict(type='LoadRGBImage'),
            dict(type='ResizeShorterSide', size=256),
            dict(type='mmpretrain.CenterCrop', crop_size=224)]


def make_set(folder: Path, pairs: int, images: Path | None) -> None:
    """Write a manifest of pairs, and source images in two folders."""
    if images is None:
        images = folder / 'made'
        images.mkdir()
        make_photos(images, 2 * pairs, (128, 96))
    paths = sorted(path for path in images.rglob('*')
                   if path.suffix.lower() in ('.jpg', '.jpeg', '.png'))
    rows = ['id\tsplit\tclass\timage\ttext']
    for index, path in enumerate(paths[:2 * pairs]):
        if index < pairs:
            target = folder / 'images' / f'{index}{path.suffix}'
            rows.append(f'{index}\ttrain\tclass {index % 10}\timages/'
                        f'{target.name}\tword{index % 10} word{index % 97}')
        else:
            target = folder / 'source' / str(index % 2) / f'{index}.jpg'
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(path.resolve())
    (folder / 'pairs.tsv').write_text('\n'.join(rows))


def now() -> np.ndarray:
    """Wall clock and CPU seconds of this process."""
    return np.array([time.perf_counter(), time.process_time()])


def epoch(model, loader, optimizer, batches: int | None = None
          ) -> np.ndarray:
    """Train for one pass; return the seconds, of some batches scaled up."""
    start = now()
    model.train()
    for batch in itertools.islice(loader, batches):
        data = model.data_preprocessor(batch, training=True)
        losses = model(**data, mode='loss')
        optimizer.zero_grad()
        sum(value for name, value in losses.items()
            if 'loss' in name).backward()
        optimizer.step()
    return (now() - start) * (len(loader) / batches if batches else 1)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--pairs', type=int, default=2173,
                        help='pairs, and source images (default: '
                        '%(default)s, as in the Wikipedia set)')
    parser.add_argument('--images', type=Path, help='folder of pictures')
    parser.add_argument('--width', type=int, default=1024,
                        help='width of fc6 to fc9 (default: %(default)s)')
    parser.add_argument('--pooling', default='average',
                        choices=['average', 'flatten'],
                        help='trunk output: 256 or 9,216 numbers an image')
    parser.add_argument('--batches', type=int, default=6,
                        help='batches of 64 + 64 images that the epoch '
                        'through the images is scaled up from (default: '
                        '%(default)s)')
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--json', type=Path, help='write the figures here')
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    widths = (args.width, args.width)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        make_set(folder, args.pairs, args.images)
        dataset = DATASETS.build(dict(
            type='HybridTransferDataset',
            target=dict(type='CrossModalDataset', data_root=str(folder),
                        ann_file='pairs.tsv', pipeline=PIPELINE,
                        text=dict(type='BagOfWords')),
            source=dict(type='SourceImageDataset', pipeline=PIPELINE,
                        data_root=str(folder / 'source'))))
        model = MODELS.build(dict(
            type='CHTN', num_classes=10, num_source_classes=2,
            backbone=dict(type='AlexNetBN'), trunk_mode='frozen',
            pooling=args.pooling,
            image_pathway=dict(type='Pathway', widths=widths),
            common_head=dict(type='CommonHead', widths=widths)))
        optimizer = torch.optim.SGD(
            [p for p in model.parameters() if p.requires_grad], lr=0.01,
            momentum=0.9)
        loader = DataLoader(dataset, 64, shuffle=True,
                            collate_fn=cross_modal_collate)
        figures = {'epoch through the images (est.)': epoch(
            model, loader, optimizer, args.batches)}
        for name in ('first start (fills the cache)', 'later start'):
            start = now()
            for part in list(image_datasets(dataset)):
                original = part.pipeline
                cache_features(model, part, str(folder / 'cache'))
                cached, part.pipeline = part.pipeline, original
                part.cached = cached
            figures[name] = now() - start
        for part in image_datasets(dataset):
            part.pipeline = part.cached
        figures['epoch from the cache'] = np.min(
            [epoch(model, loader, optimizer) for _ in range(3)], axis=0)
        start = now()
        for _ in loader:
            pass
        figures['of it, reading the cache'] = now() - start
        size = folder_bytes(folder / 'cache')
    print(f'{args.pairs} pairs and source images, {args.threads} threads, '
          f'{args.pooling} pooling, width {args.width}')
    print(f'{"":<32} {"wall s":>8} {"CPU s":>8}')
    for name, (wall, cpu) in figures.items():
        print(f'{name:<32} {wall:8.2f} {cpu:8.2f}')
    print(f'cache on disk                    {size / 1e6:8.1f} MB')
    if args.json:
        args.json.write_text(json.dumps(
            {name: list(value) for name, value in figures.items()}, indent=2))


if __name__ == '__main__':
    main()
