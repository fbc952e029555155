"""Prepare a set that has a manifest: check it, unpack its images."""
from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

from ...datasets.manifest import PairRecord, read_manifest
from ...datasets.validation_cut import ValidationCut
from ...storage.archives import SUFFIXES, unpack
from ...text.articles import clean_text
from .base import Preparation, Result, pair_result, place_images


def read_pairs(manifest: Path) -> list[PairRecord]:
    """Read a manifest, its texts cleaned.

    Args:
        manifest: The manifest.

    Returns:
        The pairs in the order of the manifest.
    """
    return [dataclasses.replace(
        record, texts=tuple(clean_text(text) for text in record.texts))
        for record in read_manifest(manifest)]


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
    records = read_pairs(root / options.manifest)
    names = [record.image for record in records if record.image]
    images_root = _images_root(root, out, names[0]) if names else root
    missing = [name for name in names
               if not (images_root / name).is_file()]
    if missing:
        raise FileNotFoundError(
            f'{len(missing)} of {len(names)} images are missing under '
            f'{images_root}, the first: {", ".join(missing[:3])}')
    if all(record.split != 'val' for record in records):
        records = ValidationCut(options.val_fraction, options.seed).records(
            records, images_root)
    images = place_images(images_root, out, names)
    return pair_result(out, {'pairs.tsv': records}, images)


PAIRS = Preparation(
    'pairs', 'any set with a manifest: the folder with pairs.tsv (id, split, '
    'class, image, text) and the images, or images.tar.xz / images.zip',
    _run, 'pairs', add_arguments=_add_arguments,
    needs='a folder with a manifest; tools/make_manifest.py writes one')
