"""The Wikipedia set: 2,866 image/article pairs in ten classes."""
from __future__ import annotations

import argparse
import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

from ..grouping import cut_validation
from ..manifest import PairRecord
from ._articles import article_text, clean_text
from .base import (
    Preparation,
    Result,
    find_root,
    image_problem,
    pair_result,
    place_files,
    place_images,
)
from .verify import Expected, count_problems

URL = 'http://www.svcl.ucsd.edu/projects/crossmodal/wikipedia_dataset.zip'
CLASSES = ('art', 'biology', 'geography', 'history', 'literature', 'media',
           'music', 'royalty', 'sport', 'warfare')
LISTS = {'train': 'trainset_txt_img_cat.list',
         'test': 'testset_txt_img_cat.list'}
#: Pairs per class in the original lists, in the order of CLASSES.
_TRAIN = (138, 272, 244, 248, 202, 178, 186, 144, 214, 347)
_TEST = (34, 88, 96, 85, 65, 58, 51, 41, 71, 104)
EXPECTED = Expected(
    {'train+val': 2173, 'test': 693},
    {'train+val': dict(zip(CLASSES, _TRAIN, strict=True)),
     'test': dict(zip(CLASSES, _TEST, strict=True))})
#: Later work validates on the first 231 test pairs, tests on the other 462.
VALIDATION_OF_TEST = 231
_IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.JPG', '.JPEG', '.png')
_TEXT_SUFFIXES = ('.xml', '.txt')
_STRAY_A = re.compile(r'A(?=[0-9a-f]{32}-)')


def read_wikipedia(root: str | Path,
                   val_fraction: float = 0.1,
                   seed: int = 0,
                   allow_missing: bool = False) -> list[PairRecord]:
    """Read the set in the layout of the original archive.

    ``trainset_txt_img_cat.list`` and ``testset_txt_img_cat.list`` hold text
    id, image id and class number (from 1), ``images/<class>/<id>.jpg`` the
    pictures, ``texts/<id>.xml`` the articles, whose ``<text>`` element is
    the text. ``categories.list`` names the classes; without it they are the
    ten known ones. Other sets in this layout may have ``texts/<id>.txt`` and
    all pictures directly in ``images``.

    The original lists know training and test only. Validation pairs are cut
    from the training list, by class and seeded, never from the test list.

    Args:
        root: Folder that holds the lists.
        val_fraction: Share of the training pairs that become ``'val'``.
        seed: Seed of that cut.
        allow_missing: Leave out pairs whose picture or text is not there,
            instead of raising.

    Returns:
        The pairs in the order of the lists, training list first, with image
        paths relative to ``root``.

    Raises:
        FileNotFoundError: A list, picture or text is missing.
        ValueError: A list's row or an article cannot be read.
    """
    root = Path(root)
    rows = [(split, *row) for split, name in LISTS.items()
            for row in _list_rows(root / name)]
    classes = _class_names(root)
    records, missing = [], []
    for split, text_id, image_id, number, where in rows:
        if not 1 <= number <= len(classes):
            raise ValueError(f'a class number must lie in 1 to '
                             f'{len(classes)}, got {number} at {where}')
        label = classes[number - 1]
        image = _first(root, [f'images/{folder}{image_id}{suffix}'
                              for suffix in _IMAGE_SUFFIXES
                              for folder in (f'{label}/', '')])
        text = _first(root, [f'texts/{text_id}{suffix}'
                             for suffix in _TEXT_SUFFIXES])
        if image is None:
            missing.append(f'images/{label}/{image_id}.jpg')
        if text is None:
            missing.append(f'texts/{text_id}.xml')
        if image and text:
            article = _article(root / text)
            records.append(PairRecord(text_id, split, (label, ), image,
                                      (article, ), where))
    if missing and not allow_missing:
        raise FileNotFoundError(_missing_message(root, missing, len(rows)))
    if not records:
        raise FileNotFoundError(
            f'no pair of the lists has both picture and text under {root}')
    return cut_validation(records, val_fraction, seed, root)


def test_validation_split(records: Sequence[PairRecord],
                          n_val: int = VALIDATION_OF_TEST
                          ) -> list[PairRecord]:
    """Return the split of later work: 2,173 train, 231 val, 462 test.

    The first ``n_val`` test pairs in list order become ``'val'``, the former
    validation pairs go back to training. Which 231 pairs other authors hold
    out is unpublished, so results on the 462 are near theirs, not equal.

    Args:
        records: Result of :func:`read_wikipedia`.
        n_val: Test pairs to validate on.

    Returns:
        New records in the same order.
    """
    result, seen = [], 0
    for record in records:
        split = 'train' if record.split == 'val' else record.split
        if split == 'test':
            seen += 1
            split = 'val' if seen <= n_val else 'test'
        result.append(dataclasses.replace(record, split=split))
    return result


# Pytest takes every function test_* it finds in a test's module for a test.
setattr(test_validation_split, '__test__', False)  # noqa: B010


def _list_rows(path: Path) -> list[tuple[str, str, int, str]]:
    """Return (text id, image id, class number, file:line) of each row."""
    if not path.is_file():
        raise FileNotFoundError(
            f'the original lists are needed: {path.name} is not in '
            f'{path.parent}; they stand in the root of {URL}, which '
            'tools/prepare_dataset.py wiki fetches')
    rows = []
    lines = path.read_text(encoding='utf-8-sig').splitlines()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where, fields = f'{path}:{number}', line.split()
        if len(fields) != 3 or not fields[2].isdecimal():
            raise ValueError('a row must hold text id, image id and class '
                             f'number, got {line!r} at {where}')
        # One copy of the lists in circulation begins with a stray letter.
        text_id = _STRAY_A.sub('', fields[0]) if number == 1 else fields[0]
        for name in (text_id, fields[1]):
            if not re.fullmatch(r'[\w-][\w.-]*', name):
                raise ValueError('an id must be a plain file name, got '
                                 f'{name!r} at {where}')
        rows.append((text_id, fields[1], int(fields[2]), where))
    return rows


def _class_names(root: Path) -> tuple[str, ...]:
    path = root / 'categories.list'
    if not path.is_file():
        return CLASSES
    return tuple(path.read_text(encoding='utf-8-sig').split())


def _first(root: Path, candidates: list[str]) -> Optional[str]:
    return next((name for name in candidates if (root / name).is_file()),
                None)


def _article(path: Path) -> str:
    text = (article_text(path) if path.suffix == '.xml' else
            clean_text(path.read_text(encoding='utf-8-sig')))
    if not text:
        raise ValueError(f'an article must have a text: {path} has none')
    return text


def _missing_message(root: Path, missing: list[str], n_rows: int) -> str:
    shown = ', '.join(missing[:3])
    return (f'{len(missing)} files of the {n_rows} listed pairs are missing, '
            f'the first: {shown}. Looked in {root} (and for pictures directly '
            f'in {root / "images"}). The whole archive is {URL}; give it or '
            'its unpacked folder as --source, or pass --allow-missing to go '
            'on with the pairs that are complete')


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--val-fraction', type=float, default=0.1,
                        help='share of the 2,173 training pairs to validate '
                        'on, cut by class (default: %(default)s)')
    parser.add_argument('--seed', type=int, default=0,
                        help='seed of that cut (default: %(default)s)')
    parser.add_argument('--allow-missing', action='store_true',
                        help='go on without pairs whose picture or text is '
                        'missing or broken')
    parser.add_argument('--allow-other-counts', action='store_true',
                        help='accept another set in the same layout')


def _run(root: Path, out: Path, options: argparse.Namespace) -> Result:
    root = find_root(root, LISTS['train'])
    records = read_wikipedia(root, options.val_fraction, options.seed,
                             options.allow_missing)
    note = ''
    if options.allow_missing:
        sound = [record for record in records
                 if image_problem(root / str(record.image)) is None]
        n_listed = sum(len(_list_rows(root / name))
                       for name in LISTS.values())
        note = f'{n_listed - len(sound)} of {n_listed} pairs left out'
        records = _recut(sound, options, root)
    elif not options.allow_other_counts:
        problems = count_problems(records, EXPECTED)
        if problems:
            raise ValueError(f'{root} is not the Wikipedia set: '
                             + '; '.join(problems[:5])
                             + '. Pass --allow-other-counts to go on')
    images = place_images(root, out, [str(record.image)
                                      for record in records],
                          check=not options.allow_missing)
    # The original layout stays whole: WikipediaDataset reads it as it is.
    originals = place_files(root, out, [
        *LISTS.values(), 'categories.list', 'raw_features.mat',
        *(f'texts/{record.id}{suffix}' for record in records
          for suffix in _TEXT_SUFFIXES)])
    return pair_result(out, {
        'pairs.tsv': records,
        'pairs_462.tsv': test_validation_split(records)},
        [*images, *originals], note)


def _recut(records: list[PairRecord], options: argparse.Namespace,
           root: Path) -> list[PairRecord]:
    """Cut the validation pairs anew from what is left."""
    joined = [dataclasses.replace(record, split='train')
              if record.split == 'val' else record for record in records]
    return cut_validation(joined, options.val_fraction, options.seed, root)


WIKI = Preparation(
    'wiki', 'Wikipedia, 2,866 image/article pairs in 10 classes: the folder '
    'or archive with trainset_txt_img_cat.list, images/ and texts/',
    _run, 'wikipedia', URL, add_arguments=_add_arguments)
