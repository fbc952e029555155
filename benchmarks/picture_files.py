"""Encoding pictures from files, against bare decoding and the bare network.

    OMP_NUM_THREADS=1 python benchmarks/picture_files.py [--rounds 5]

JPEGs of 500 x 375 are made, and a run with a frozen backbone of random
weights, which index.py builds an index with. In turn, in one process, by
processor time of all its threads:

- the network alone on images in memory, channels-last, as one writes it in a
  loop, and the inferencer on the same images;
- cv2's decoding, resizing and cropping, and that network, as one writes it,
  and an index built of the files, with and without threads that load.

Ratios are those of pictures a second, medians over rounds; vectors are
compared first. On several cores threads save time by the clock, not of the
processor; the clock's times are shown for a machine that is idle.
"""
from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import chtn_plugin  # noqa: F401  (first: see its __init__)
from chtn_plugin.apis import RetrievalInferencer
from chtn_plugin.apis.index_store import IndexStore

import cv2
import numpy as np
import torch
from mmengine.registry import MODELS

from figures import Figure, add_json_option, write_figures
from images import bare_cv2, make_photos

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'tests'))

from tiny_run import write_run  # noqa: E402

BACKBONES = {'AlexNetBN': dict(type='AlexNetBN'),
             'ResNet-18': dict(type='mmpretrain.ResNet', depth=18)}
MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
# Least share of what the bare network, and bare files with it, reach.
MEMORY_LIMIT, FILES_LIMIT = .9, .9
MEMORY_AIM = .95
SIZE = 224


def make_inferencer(folder: Path, backbone: dict, batch: int
                    ) -> RetrievalInferencer:
    """The inferencer of a run with this backbone, frozen."""
    steps = [dict(type='LoadRGBImage'),
             dict(type='ResizeShorterSide', size=256),
             dict(type='mmpretrain.CenterCrop', crop_size=SIZE)]
    loader = dict(
        batch_size=4, num_workers=0,
        sampler=dict(type='DefaultSampler', shuffle=False),
        collate_fn=dict(type='cross_modal_collate'),
        dataset=dict(
            type='CrossModalDataset', data_root=str(folder / 'data'),
            ann_file='pairs.tsv', split='test', pipeline=steps,
            text=dict(type='BagOfWords', num_terms=12)))
    run = write_run(folder, model=dict(
        backbone=backbone, input_shape=(3, SIZE, SIZE), pooling='average',
        trunk_mode='frozen', data_preprocessor=dict(
            type='CrossModalDataPreprocessor', mean=list(MEAN),
            std=list(STD))), test_dataloader=loader, val_dataloader=loader)
    return RetrievalInferencer(run, 'cpu', batch_size=batch,
                               show_progress=False)


def bare_network(ours: RetrievalInferencer, backbone: dict
                 ) -> Callable[[torch.Tensor], torch.Tensor]:
    """The same network as one writes it: channels-last, nothing else."""
    network = MODELS.build(backbone)
    network.eval()  # mmpretrain's returns nothing
    network.load_state_dict(ours.model.trunk.backbone.state_dict())
    network = network.to(memory_format=torch.channels_last)
    mean, std = (torch.tensor(values).view(3, 1, 1)
                 for values in (MEAN, STD))

    @torch.inference_mode()
    def run(images: torch.Tensor) -> torch.Tensor:
        images = images.float().sub_(mean).div_(std).contiguous(
            memory_format=torch.channels_last)
        out = network(images)
        return (out[-1] if isinstance(out, tuple) else out).mean((2, 3))
    return run


def decoded(paths: list[str]) -> torch.Tensor:
    """Pictures as cv2 gives them, (B, 3, H, W) uint8."""
    return torch.from_numpy(np.stack([bare_cv2(path) for path in paths])
                            ).permute(0, 3, 1, 2)


def measure(name: str, photos: Path, rounds: int, batch: int
            ) -> list[Figure]:
    """Ratios of one backbone."""
    paths = sorted(str(path) for path in photos.iterdir())
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        ours = make_inferencer(folder, BACKBONES[name], batch)
        network = bare_network(ours, BACKBONES[name])
        in_memory = decoded(paths[:batch])
        loaded = [ours.load_image(path) for path in paths[:batch]]
        assert torch.equal(torch.stack(loaded), in_memory)
        with torch.inference_mode():
            data = ours.model.data_preprocessor(
                dict(inputs=dict(image=in_memory), data_samples={}), False)
            vectors = ours.model.trunk(data['inputs']['image'])
        torch.testing.assert_close(network(in_memory), vectors, rtol=1e-4,
                                   atol=1e-4)

        def files() -> None:
            for start in range(0, len(paths), batch):
                network(decoded(paths[start:start + batch]))

        def index(workers: int) -> Callable[[], None]:
            def build() -> None:
                shutil.rmtree(folder / 'index', ignore_errors=True)
                IndexStore(folder / 'index').build(
                    ours, photos, progress=False, workers=workers)
            return build

        ways = {
            'network': lambda: network(in_memory),
            'inferencer': lambda: ours.encode_batch('image', loaded),
            'files': files, 'index': index(0), 'index, 1 worker': index(1),
            'index, 2 workers': index(2)}
        times: dict[str, list[float]] = {way: [] for way in ways}
        clock: dict[str, list[float]] = {way: [] for way in ways}
        for turn in range(rounds + 1):
            for way, action in ways.items():
                marks = time.process_time(), time.perf_counter()
                action()
                if turn:  # the first time much is set up
                    times[way].append(time.process_time() - marks[0])
                    clock[way].append(time.perf_counter() - marks[1])
    count = dict.fromkeys(ways, len(paths))
    count.update(network=len(in_memory), inferencer=len(in_memory))
    for way in ways:
        print(f'{name:10} {way:18}'
              f'{count[way] / statistics.median(times[way]):8.1f} pictures a '
              f'second of the processor, '
              f'{count[way] / statistics.median(clock[way]):8.1f} by the '
              'clock')

    def ratio(way: str, bare: str) -> float:
        return statistics.median(b / a for a, b in zip(
            times[way], times[bare], strict=True))
    return [
        Figure(f'{name}, images in memory', ratio('inferencer', 'network'),
               'bare network, channels-last', limit=MEMORY_LIMIT,
               aim=MEMORY_AIM, more=True),
        *[Figure(f'{name}, JPEGs into an {way}', ratio(way, 'files'),
                 'bare decoding and network', limit=FILES_LIMIT, more=True)
          for way in list(ways)[3:]]]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--pictures', type=int, default=128)
    parser.add_argument('--batch-size', type=int, default=32)
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--threads', type=int, default=1,
                        help='of the network')
    parser.add_argument('--backbones', nargs='+', choices=list(BACKBONES),
                        default=list(BACKBONES))
    add_json_option(parser)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    cv2.setNumThreads(0)
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        photos = Path(folder, 'photos')
        photos.mkdir()
        make_photos(photos, args.pictures)
        for name in args.backbones:
            figures += measure(name, photos, args.rounds, args.batch_size)
    for figure in figures:
        print(f'{figure.name:40} {figure.value:6.3f} of {figure.over} '
              f'(at least {figure.limit})')
    write_figures(args.json, 'picture_files', figures)


if __name__ == '__main__':
    main()
