"""Prepare the source domain: ImageNet, Tiny ImageNet or class folders."""
from __future__ import annotations

import argparse
import os
import random
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

from ...storage.archives import unpack
from ...storage.files import atomic_write
from ...storage.folders import class_files
from ...storage.pictures import SUFFIXES
from ...storage.tables import read_rows
from .base import Preparation, Result, claim, place_images

TINY_URL = 'http://cs231n.stanford.edu/tiny-imagenet-200.zip'
TINY_MD5 = '90528d7ca1a48142e341f4ef8d21d0de'
#: What SourceImageDataset reads; the configurations name the first.
LISTS = {'train': 'list.txt', 'val': 'val.txt'}
_SYNSET = re.compile(r'n\d{8}')
#: (image path relative to the root, class name)
Items = list[tuple[str, str]]


def read_class_folders(root: str | Path, split: str) -> Items:
    """List the images of one split, by class and file name.

    Layouts: ``<split>/<class>/*``, with Tiny ImageNet's further ``images``
    folder or without; ``val/images/*`` with ``val/val_annotations.txt``
    (Tiny ImageNet); for ``train``, class folders directly in the root.

    Returns:
        Path relative to ``root`` and class of each; empty where there is no
        such split.
    """
    root = Path(root)
    annotations = root / split / f'{split}_annotations.txt'
    if annotations.is_file():
        rows = [line.split('\t') for line in annotations.read_text(
            encoding='utf-8-sig').splitlines() if line.strip()]
        return sorted(((f'{split}/images/{row[0]}', row[1]) for row in rows),
                      key=lambda item: (item[1], item[0]))
    folder = root / split
    if not folder.is_dir():
        if split != 'train':
            return []
        folder = root
    return [(str(path.relative_to(root)), label)
            for label, paths in class_files(folder, SUFFIXES).items()
            for path in paths]


def read_list(path: str | Path, root: str | Path) -> Items:
    """Read a list: ``path label`` lines, or a table with a header.

    A table (``.tsv``, ``.csv``) needs columns ``image`` and ``wnid``,
    ``class`` or ``class_index``.

    Returns:
        Path relative to ``root`` and class (or its number, as text).

    Raises:
        ValueError: A row is broken, or a table is empty or lacks a column.
    """
    path, root = Path(path), Path(root)
    if path.suffix in ('.tsv', '.csv'):
        rows = [row.cells for row in read_rows(path, 'a source table')]
        names = list(rows[0]) if rows else []
        column = next((name for name in ('class_index', 'wnid', 'class')
                       if name in names), None)
        if column is None or 'image' not in names:
            raise ValueError('a table must have columns image and wnid, class '
                             f'or class_index: {path} has {names}')
        return [(row['image'], row[column]) for row in rows]
    lines = path.read_text(encoding='utf-8-sig').splitlines()
    items = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            name, _, label = line.rpartition(' ')
            if not name.strip():
                raise ValueError("a line must read 'path label', got "
                                 f'{line!r} at {path}:{number}')
            items.append((name.strip(), label))
    return items


def class_numbers(labels: Sequence[str],
                  synsets: Optional[Path] = None) -> dict[str, int]:
    """Number class names from 0.

    All 1,000 ILSVRC synsets in sorted order *are* ILSVRC's order, and so is
    the order of a synset file. Fewer classes without such a file are
    numbered among themselves. Numbers stay as they are.

    Args:
        labels: Class of each image.
        synsets: File with a synset a line in ILSVRC order, what follows it
            ignored (``synset_words.txt``, ``LOC_synset_mapping.txt``).

    Returns:
        Number of each class name.

    Raises:
        ValueError: A class is not in the synset file.
    """
    names = sorted(set(labels))
    if all(name.isdecimal() for name in names):
        return {name: int(name) for name in names}
    if synsets is None:
        return {name: number for number, name in enumerate(names)}
    order = [match[0] for line in synsets.read_text(
        encoding='utf-8-sig').splitlines()
        if (match := _SYNSET.search(line))]
    unknown = sorted(set(names) - set(order))
    if unknown:
        raise ValueError(f'a class must be among the {len(order)} synsets of '
                         f'{synsets}: {", ".join(unknown[:5])} '
                         f'({len(unknown)} classes) are not')
    return {name: order.index(name) for name in names}


def sample(items: Items, per_class: Optional[int], total: Optional[int],
           seed: int) -> Items:
    """Draw images, seeded; the drawn keep their order.

    Args:
        items: All images.
        per_class: At most so many of each class.
        total: At most so many altogether, drawn uniformly (after
            ``per_class``).
        seed: Seed of the draw.
    """
    generator = random.Random(seed)
    if per_class is not None:
        members: dict[str, list[int]] = {}
        for index, (_, label) in enumerate(items):
            members.setdefault(label, []).append(index)
        kept = sorted(index for indices in members.values()
                      for index in generator.sample(
                          indices, min(per_class, len(indices))))
        items = [items[index] for index in kept]
    if total is not None and total < len(items):
        kept = sorted(generator.sample(range(len(items)), total))
        items = [items[index] for index in kept]
    return items


def _unpack_inner(root: Path, out: Path) -> Path:
    """Unpack ``ILSVRC2012_img_train.tar``'s inner archives, one a class."""
    inner = sorted(path for path in root.glob('n*.tar')
                   if _SYNSET.fullmatch(path.stem))
    if not inner:
        return root
    for path in inner:
        unpack(path, out / 'train' / path.stem)
    return out


def _descend(root: Path) -> Path:
    """Step into the one folder that archives put around their content."""
    while not (root / 'train').is_dir():
        entries = [path for path in root.iterdir()
                   if not path.name.startswith('.')]
        if len(entries) != 1 or not entries[0].is_dir() or (
                _SYNSET.fullmatch(entries[0].name)):
            break
        root = entries[0]
    return root


def _link(root: Path, out: Path, links: Sequence[str]) -> None:
    """Make the top folders of the image paths visible under ``out``."""
    for name in _new_links(root, out, links):
        target = out / name
        if target.is_symlink():
            target.unlink()
        out.mkdir(parents=True, exist_ok=True)
        source, folder = (root / name).resolve(), out.resolve()
        # What an archive left in the set moves along with the set.
        target.symlink_to(os.path.relpath(source, folder)
                          if folder in source.parents else source)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--per-class', type=int, metavar='N',
                        help='draw at most N training images of each class')
    parser.add_argument('--total', type=int, metavar='N',
                        help='draw at most N training images altogether')
    parser.add_argument('--seed', type=int, default=0,
                        help='seed of the draw (default: %(default)s)')
    parser.add_argument('--list', dest='list_file', metavar='FILE',
                        help='take the training images from a list of '
                        "'path label' lines or a .tsv table, relative to the "
                        'source')
    parser.add_argument('--synsets', type=Path, metavar='FILE',
                        help='synsets in ILSVRC order (synset_words.txt); '
                        'needed only to give a part of the 1,000 classes '
                        'their ILSVRC numbers')
    parser.add_argument('--copy', action='store_true',
                        help='copy the images and record their hashes, '
                        'instead of a link to the source')


def _run(root: Path, out: Path, options: argparse.Namespace) -> Result:
    root = _descend(_unpack_inner(root, out))
    splits = {'train': read_list(root / options.list_file, root)
              if options.list_file else read_class_folders(root, 'train')}
    splits['val'] = [] if options.list_file else read_class_folders(root,
                                                                    'val')
    if not splits['train']:
        raise FileNotFoundError(f'no image is under {root}: a source domain '
                                'is class folders, in train/ or directly')
    numbers = class_numbers([label for _, label in splits['train']],
                            options.synsets)
    counts = {split: len(items) for split, items in splits.items()}
    splits['train'] = sample(splits['train'], options.per_class,
                             options.total, options.seed)
    names = [name for items in splits.values() for name, _ in items]
    missing = [name for name in names if not (root / name).is_file()]
    if missing:
        raise FileNotFoundError(f'{len(missing)} listed images are not under '
                                f'{root}, the first: {missing[0]}')
    links: list[str] = []
    if not options.copy and root.resolve() != out.resolve():
        links = sorted({Path(name).parts[0] for name in names})
    claim(out, [LISTS[split] for split, items in splits.items() if items]
          + ['classes.txt', *_new_links(root, out, links)])
    files, lines = [], [f'{len(numbers)} classes, numbered '
                        f'{min(numbers.values())} to {max(numbers.values())}']
    for split, items in splits.items():
        if items:
            _write_list(out / LISTS[split], items, numbers)
            files.append(LISTS[split])
            lines.append(f'{split}: {len(items)} of {counts[split]} images')
    with atomic_write(out / 'classes.txt', 'w', encoding='utf-8') as file:
        file.write(''.join(f'{name}\n' for name in sorted(
            numbers, key=numbers.__getitem__)))
    files.append('classes.txt')
    if options.copy:
        files += place_images(root, out, names)
    _link(root, out, links)
    return Result(files, '\n'.join(lines), {'n_images': len(names),
                                            'links': links})


def _new_links(root: Path, out: Path, links: Sequence[str]) -> list[str]:
    """Those of the links that do not lead there already."""
    return [name for name in links
            if (out / name).resolve() != (root / name).resolve()]


def _write_list(path: Path, items: Items, numbers: dict[str, int]) -> None:
    unknown = sorted({label for _, label in items} - set(numbers))
    if unknown:
        raise ValueError('a validation class must have training images: '
                         f'{", ".join(unknown[:5])} have none')
    with atomic_write(path, 'w', encoding='utf-8', newline='\n') as file:
        file.writelines(f'{name} {numbers[label]}\n'
                        for name, label in items)


IMAGENET = Preparation(
    'imagenet', 'ImageNet as source domain: class folders, in train/ and '
    'val/ or directly, or ILSVRC2012_img_train.tar, or a list file',
    _run, 'imagenet', add_arguments=_add_arguments,
    needs='the images come from https://image-net.org after registration; '
    'any folder of class folders will do')
TINY_IMAGENET = Preparation(
    'tiny-imagenet', 'Tiny ImageNet as source domain, 200 classes at 64x64: '
    'the folder or archive with train/ and val/', _run, 'tiny_imagenet',
    TINY_URL, TINY_MD5, add_arguments=_add_arguments)
