"""Image path: decode + resize 256 + crop 224, against the bare cv2 chain.

    python benchmarks/images.py --source path/to/images [--limit 300]

Without --source, 500x375 JPEG photos of smooth noise are made. Every chain
runs in one process on one thread, the chains in turn, each several times over
the same files (in the page cache); the best round counts.
"""
from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import chtn_plugin  # noqa: F401  (first: see its __init__)
from chtn_plugin.datasets.image_transforms import decode_rgb

import cv2
import numpy as np
from mmengine.dataset import Compose

_SUFFIXES = {'.jpg', '.jpeg', '.png'}
_CROP = dict(type='mmpretrain.CenterCrop', crop_size=224)


def make_photos(folder: Path, count: int,
                size: tuple[int, int] = (500, 375)) -> None:
    """Write JPEGs that compress about as photos do."""
    generator = np.random.default_rng(0)
    for index in range(count):
        coarse = generator.integers(0, 256, (12, 16, 3), np.uint8)
        image = cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)
        noise = generator.normal(0, 6, image.shape)
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / f'{index}.jpg'), image,
                    [cv2.IMWRITE_JPEG_QUALITY, 85])


def bare_cv2(path: str) -> np.ndarray:
    """What no pipeline can beat with this decoder."""
    image = decode_rgb(np.fromfile(path, np.uint8))
    height, width = image.shape[:2]
    scale = 256 / min(height, width)
    image = cv2.resize(image, (max(round(width * scale), 256),
                               max(round(height * scale), 256)))
    top, left = (image.shape[0] - 224) // 2, (image.shape[1] - 224) // 2
    return image[top:top + 224, left:left + 224]


def bare_cv2_swap(path: str) -> np.ndarray:
    """The chain with decoding to BGR and a channel swap at the end."""
    image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    height, width = image.shape[:2]
    scale = 256 / min(height, width)
    image = cv2.resize(image, (max(round(width * scale), 256),
                               max(round(height * scale), 256)))
    top, left = (image.shape[0] - 224) // 2, (image.shape[1] - 224) // 2
    return cv2.cvtColor(image[top:top + 224, left:left + 224],
                        cv2.COLOR_BGR2RGB)


def pipeline(*transforms: dict) -> Callable[[str], np.ndarray]:
    """A pipeline as a data set runs it."""
    composed = Compose(list(transforms))
    return lambda path: composed(dict(img_path=path))['img']


def rate(chain: Callable, paths: list[str]) -> float:
    """Images a second over one pass."""
    start = time.perf_counter()
    for path in paths:
        chain(path)
    return len(paths) / (time.perf_counter() - start)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--source', type=Path, help='folder of images')
    parser.add_argument('--limit', type=int, default=300,
                        help='number of images (default: %(default)s)')
    parser.add_argument('--rounds', type=int, default=5,
                        help='passes of each chain (default: %(default)s)')
    parser.add_argument('--json', type=Path, help='write the figures here')
    args = parser.parse_args()
    cv2.setNumThreads(0)
    with tempfile.TemporaryDirectory() as temporary:
        source = args.source
        if source is None:
            source = Path(temporary) / 'photos'
            source.mkdir()
            make_photos(source, args.limit)
        paths = sorted(str(path) for path in source.rglob('*')
                       if path.suffix.lower() in _SUFFIXES)[:args.limit]
        first = [dict(type='LoadRGBImage'),
                 dict(type='ResizeShorterSide', size=256)]
        chains = {
            'cv2, decoding to RGB': bare_cv2,
            'cv2, with channel swap': bare_cv2_swap,
            'ours: LoadRGBImage': pipeline(*first, _CROP),
            'ours: LoadRGBImage(min_side=256)': pipeline(
                dict(first[0], min_side=256), first[1], _CROP),
            'ours: PredecodedImage': pipeline(
                dict(type='PredecodedImage', cache=f'{temporary}/decoded',
                     transforms=first), _CROP),
            'mmcv + mmpretrain, cv2': pipeline(
                dict(type='LoadImageFromFile', imdecode_backend='cv2'),
                dict(type='mmpretrain.ResizeEdge', scale=256, edge='short'),
                _CROP),
        }
        best = dict.fromkeys(chains, 0.)
        for chain in chains.values():
            rate(chain, paths)
        for _ in range(args.rounds):
            for name, chain in chains.items():
                best[name] = max(best[name], rate(chain, paths))
    base = best['cv2, decoding to RGB']
    print(f'{len(paths)} images, images a second, ratio to bare cv2')
    for name, value in best.items():
        print(f'{name:<34} {value:8.0f} {value / base:6.2f}')
    if args.json:
        args.json.write_text(json.dumps(best, indent=2))


if __name__ == '__main__':
    main()
