"""Any set that has a manifest already: check it, unpack its images."""
from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

from ..manifest import PairRecord, read_manifest
from ._articles import clean_text
from .archives import SUFFIXES, unpack
from .base import Preparation, Result, pair_result, place_images
from .splits import stratified_split


def read_pairs(manifest: Path, val_fraction: float = 0.1,
               seed: int = 0) -> list[PairRecord]:
    """Read a manifest; where it has no validation split, cut one.

    Args:
        manifest: The manifest.
        val_fraction: Share of ``'train'`` that becomes ``'val'``.
        seed: Seed of the cut.

    Returns:
        The pairs in the order of the manifest, texts cleaned.
    """
    records = [dataclasses.replace(
        record, texts=tuple(clean_text(text) for text in record.texts))
        for record in read_manifest(manifest)]
    if val_fraction and all(record.split != 'val' for record in records):
        train = [index for index, record in enumerate(records)
                 if record.split == 'train']
        splits = stratified_split(
            [records[index].classes for index in train],
            {'train': 1 - val_fraction, 'val': val_fraction}, seed)
        for index, split in zip(train, splits, strict=True):
            records[index] = dataclasses.replace(records[index], split=split)
    return records


def _images_root(root: Path, out: Path, first: str) -> Path:
    """Unpack ``images.tar.xz`` or the like where the images are not there."""
    if (root / first).is_file():
        return root
    for path in sorted(root.iterdir()):
        if path.name.lower().endswith(SUFFIXES) and (
                path.name.split('.')[0] == 'images'):
            return unpack(path, out / 'original')
    return root


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--manifest', default='pairs.tsv',
                        help='manifest in the source folder '
                        '(default: %(default)s)')
    parser.add_argument('--val-fraction', type=float, default=0.1,
                        help='share of train to validate on, cut by class, '
                        'where the manifest has no split "val" '
                        '(default: %(default)s)')
    parser.add_argument('--seed', type=int, default=0,
                        help='seed of that cut (default: %(default)s)')


def _run(root: Path, out: Path, options: argparse.Namespace) -> Result:
    records = read_pairs(root / options.manifest, options.val_fraction,
                         options.seed)
    names = [record.image for record in records if record.image]
    images_root = _images_root(root, out, names[0]) if names else root
    missing = [name for name in names
               if not (images_root / name).is_file()]
    if missing:
        raise FileNotFoundError(
            f'{len(missing)} of {len(names)} images are missing under '
            f'{images_root}, the first: {", ".join(missing[:3])}')
    images = place_images(images_root, out, names)
    return pair_result(out, {'pairs.tsv': records}, images)


PAIRS = Preparation(
    'pairs', 'any set with a manifest: the folder with pairs.tsv (id, split, '
    'class, image, text) and the images, or images.tar.xz / images.zip',
    _run, 'pairs', add_arguments=_add_arguments,
    needs='a folder with a manifest; tools/make_manifest.py writes one')
