"""Prepare the Wikipedia set: 2,866 image/article pairs in ten classes."""
from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path

from ...datasets.manifest import PairRecord
from ...datasets.validation_cut import ValidationCut
from ...datasets.wikipedia_files import (
    CLASSES,
    LISTS,
    TEXT_SUFFIXES,
    URL,
    list_rows,
    read_wikipedia,
)
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

#: Pairs per class in the original lists, in the order of CLASSES.
_TRAIN = (138, 272, 244, 248, 202, 178, 186, 144, 214, 347)
_TEST = (34, 88, 96, 85, 65, 58, 51, 41, 71, 104)
EXPECTED = Expected(
    {'train+val': 2173, 'test': 693},
    {'train+val': dict(zip(CLASSES, _TRAIN, strict=True)),
     'test': dict(zip(CLASSES, _TEST, strict=True))})
#: Later work validates on the first 231 test pairs, tests on the other 462.
VALIDATION_OF_TEST = 231


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
    result, position = [], 0
    for record in records:
        split = 'train' if record.split == 'val' else record.split
        if split == 'test':
            position += 1
            split = 'val' if position <= n_val else 'test'
        result.append(dataclasses.replace(record, split=split))
    return result


# Pytest takes every function test_* it finds in a test's module for a test.
setattr(test_validation_split, '__test__', False)  # noqa: B010


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
        n_listed = sum(len(list_rows(root / name))
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
          for suffix in TEXT_SUFFIXES)])
    return pair_result(out, {
        'pairs.tsv': records,
        'pairs_462.tsv': test_validation_split(records)},
        [*images, *originals], note)


def _recut(records: list[PairRecord], options: argparse.Namespace,
           root: Path) -> list[PairRecord]:
    """Cut the validation pairs anew from what is left."""
    joined = [dataclasses.replace(record, split='train')
              if record.split == 'val' else record for record in records]
    return ValidationCut(options.val_fraction, options.seed).records(
        joined, root)


WIKI = Preparation(
    'wiki', 'Wikipedia, 2,866 image/article pairs in 10 classes: the folder '
    'or archive with trainset_txt_img_cat.list, images/ and texts/',
    _run, 'wikipedia', URL, add_arguments=_add_arguments)
