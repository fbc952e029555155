"""Prepare NUS-WIDE-10k: the ten largest classes, 1,000 images each."""
from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

import numpy as np
from tqdm import tqdm

from ...datasets.manifest import PairRecord
from ...datasets.splits import stratified_split
from ...text.articles import clean_text
from .base import Preparation, Result, pair_result, place_images
from .verify import Expected, count_problems

SHARES = {'train': 0.8, 'val': 0.1, 'test': 0.1}
SITE = 'https://lms.comp.nus.edu.sg/research/NUS-WIDE.htm'
_IMAGE_FOLDERS = ('Flickr', 'images', 'image', '')


def read_nuswide(root: str | Path,
                 n_classes: int = 10,
                 per_class: int = 1000,
                 seed: int = 0,
                 classes: Optional[Sequence[str]] = None,
                 vocabulary: str = 'all') -> list[PairRecord]:
    """Draw NUS-WIDE-10k from the official files.

    Files, found at any depth: ``ImageList/Imagelist.txt`` (a line a picture,
    ``folder\\file.jpg``), ``Groundtruth/AllLabels/Labels_<class>.txt`` (81
    files of 0 and 1, a line a picture), ``NUS_WID_Tags/All_Tags.txt`` (photo
    id, then tags), pictures under ``Flickr``. A picture counts for a class
    if it has that class alone of all 81, at least one tag, and its file is
    there: the classes with most such pictures are taken.

    The literature's set has ten classes of 1,000 and 8,000/1,000/1,000
    pairs; its members are unpublished, so these are drawn, seeded.

    Args:
        root: Folder of the official files.
        n_classes: Classes to take.
        per_class: Pictures to draw of each.
        seed: Seed of the draw and of the split.
        classes: Their names; None: the largest.
        vocabulary: Tags to keep: ``'all'``, ``'5018'`` (the official
            ``Final_Tag_List.txt``) or ``'1k'`` (``TagList1k.txt``).

    Returns:
        The pairs in the order of the image list, image paths relative to
        ``root``.

    Raises:
        FileNotFoundError: An official file is missing.
        ValueError: Files disagree in length, or a class is too small.
    """
    root = Path(root)
    image_list = _find(root, 'Imagelist.txt')
    names = [line.strip().replace('\\', '/')
             for line in _lines(image_list) if line.strip()]
    labels, label_names = _labels(root, names)
    tags = _tags(root, names, vocabulary)
    folder = _image_folder(root, names)
    single = labels.sum(axis=1) == 1
    usable = [index for index in np.flatnonzero(single)
              if tags[index] and (root / folder / names[index]).is_file()]
    by_class: dict[str, list[int]] = {name: [] for name in label_names}
    for index in usable:
        by_class[label_names[labels[index].argmax()]].append(int(index))
    chosen = _choose(by_class, n_classes, per_class, classes, root)
    generator = random.Random(seed)
    drawn = sorted((index, name) for name in chosen
                   for index in generator.sample(by_class[name], per_class))
    splits = stratified_split([name for _, name in drawn], SHARES, seed)
    return [PairRecord(Path(names[index]).stem, split, (name, ),
                       f'{folder}/{names[index]}'.lstrip('/'),
                       (tags[index], ), f'{image_list}:{index + 1}')
            for (index, name), split in zip(drawn, splits, strict=True)]


def _find(root: Path, name: str) -> Path:
    """Find a file by name, whatever its case and the folders around it."""
    for depth in range(5):
        for path in sorted(root.glob('*/' * depth + '*')):
            if path.name.lower() == name.lower() and path.is_file():
                return path
    raise FileNotFoundError(f'NUS-WIDE needs {name}: it is not under {root}. '
                            f'The official files are on {SITE}')


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding='utf-8-sig',
                          errors='replace').splitlines()


def _labels(root: Path, names: list[str]) -> tuple[np.ndarray, list[str]]:
    folder = _find(root, 'Labels_animal.txt').parent
    paths = sorted(folder.glob('Labels_*.txt'))
    columns = []
    for path in tqdm(paths, 'labels', unit='class', disable=None):
        digits = np.frombuffer(path.read_bytes(), np.uint8)
        digits = digits[(digits == ord('0')) | (digits == ord('1'))]
        if len(digits) != len(names):
            raise ValueError(f'a label file must have a line a picture, '
                             f'{len(names)}: {path} has {len(digits)}')
        columns.append(digits == ord('1'))
    return (np.stack(columns, axis=1),
            [path.stem.removeprefix('Labels_') for path in paths])


def _tags(root: Path, names: list[str], vocabulary: str) -> list[str]:
    files = {'1k': 'TagList1k.txt', '5018': 'Final_Tag_List.txt'}
    known = ({line.strip() for line in _lines(_find(root, files[vocabulary]))}
             if vocabulary in files else None)
    path = _find(root, 'All_Tags.txt')
    lines = [line for line in _lines(path) if line.strip()]
    if len(lines) != len(names):
        raise ValueError(f'a tag file must have a line a picture, '
                         f'{len(names)}: {path} has {len(lines)}')
    tags = []
    for number, (line, name) in enumerate(zip(lines, names, strict=True), 1):
        photo, *words = line.split()
        # Files are named <number>_<photo id>.jpg.
        if photo != Path(name).stem.rpartition('_')[2]:
            raise ValueError(f'tags must be in the order of the image list: '
                             f'{path}:{number} is photo {photo}, the list '
                             f'has {name}')
        if known is not None:
            words = [word for word in words if word in known]
        tags.append(clean_text(' '.join(words)))
    return tags


def _image_folder(root: Path, names: list[str]) -> str:
    folders = [folder for folder in _IMAGE_FOLDERS
               if (root / folder).is_dir()]
    folders += [str(path.relative_to(root))
                for path in sorted(root.glob('*/Flickr'))]
    for folder in folders:
        if any((root / folder / name).is_file() for name in names):
            return folder
    raise FileNotFoundError(
        f'no picture of the image list is under {root} '
        f'({", ".join(_IMAGE_FOLDERS[:-1])}): the pictures are needed '
        f'besides the label and tag files, see {SITE}')


def _choose(by_class: dict[str, list[int]], n_classes: int, per_class: int,
            classes: Optional[Sequence[str]], root: Path) -> list[str]:
    largest = sorted(by_class, key=lambda name: -len(by_class[name]))
    chosen = list(classes or largest[:n_classes])
    for name in chosen:
        count = len(by_class.get(name, ()))
        if count < per_class:
            raise ValueError(
                f'class {name} must have {per_class} pictures with this '
                f'label alone, tags and a file: {root} has {count}')
    return chosen


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--per-class', type=int, default=1000,
                        help='pictures of each class (default: %(default)s)')
    parser.add_argument('--classes', nargs='+', metavar='NAME',
                        help='class names; default: the ten largest')
    parser.add_argument('--vocabulary', choices=['all', '5018', '1k'],
                        default='all', help='tags to keep (default: all)')
    parser.add_argument('--seed', type=int, default=0,
                        help='seed of the draw and the split, since the '
                        'original members are unpublished '
                        '(default: %(default)s)')


def _run(root: Path, out: Path, options: argparse.Namespace) -> Result:
    records = read_nuswide(root, 10, options.per_class, options.seed,
                           options.classes, options.vocabulary)
    names = sorted({record.classes[0] for record in records})
    problems = count_problems(records, Expected(
        {split: round(len(names) * options.per_class * share)
         for split, share in SHARES.items()}))
    if problems:
        raise ValueError('; '.join(problems))
    images = place_images(root, out,
                          [str(record.image) for record in records])
    return pair_result(out, {'pairs.tsv': records}, images,
                       f'drawn with seed {options.seed}: the members of the '
                       'original NUS-WIDE-10k are unpublished, so results '
                       'are near the literature\'s, not equal')


NUSWIDE = Preparation(
    'nuswide10k', 'NUS-WIDE-10k, 10 classes of 1,000 images with tags: the '
    'folder with the official ImageList, Groundtruth/AllLabels, NUS_WID_Tags '
    'and Flickr', _run, 'nuswide10k', add_arguments=_add_arguments,
    needs=f'the official files and pictures, see {SITE}')
