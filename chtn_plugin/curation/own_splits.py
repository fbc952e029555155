"""Split a user's pairs into training, validation and test rows."""
from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ..datasets.grouping import (
    LEAKING_TOKENS,
    groups_sharing,
    image_contents,
    text_contents,
)
from ..datasets.manifest import PairRecord
from ..datasets.splits import grouped_split
from ..datasets.validation_cut import ValidationCut


def check_training_classes(records: Sequence[PairRecord]) -> None:
    """Refuse a class that no training row has.

    Raises:
        ValueError: There is one; the message names a row of it.
    """
    trained = _classes_of(records, 'train')
    for record in records:
        for name in record.classes:
            if trained and name not in trained:
                raise ValueError(
                    f'every class must have training rows: {name!r} of split '
                    f'{record.split!r} at {record.where} has none. Drop it, '
                    "or give some of its rows the split 'train'")


def _classes_of(records: Sequence[PairRecord], split: str) -> set[str]:
    return {name for record in records if record.split == split
            for name in record.classes}


def split_pairs(records: list[PairRecord], folder: Path,
                fractions: tuple[float, float, float], seed: int
                ) -> list[PairRecord]:
    """Draw the splits where the table gives none; cut a validation split.

    Pairs that share a picture's bytes or a longer text go to one side. A
    pair without a class goes where its like goes, else to training.

    Args:
        records: Pairs; all have a split, or none has (an empty string).
        folder: The user's folder.
        fractions: Shares of train, val and test.
        seed: Seed of the draw.

    Raises:
        ValueError: Some pairs have a split and some have none, or the
            fractions do not sum to 1.
    """
    named = {record.split for record in records}
    train, val, test = fractions
    if named == {''}:
        groups = groups_sharing(text_contents(records, LEAKING_TOKENS),
                                image_contents(records, folder))
        known = [row for row, record in enumerate(records) if record.classes
                 ] or list(range(len(records)))
        drawn = grouped_split(
            [records[row].classes for row in known],
            [groups[row] for row in known],
            {'train': train, 'val': val, 'test': test}, seed)
        # A pair without a class goes where its like goes.
        of_group = {groups[row]: split for row, split in zip(
            known, drawn, strict=True)}
        splits = [of_group.get(group, 'train') for group in groups]
        return _with_training_rows(
            [dataclasses.replace(record, split=split)
             for record, split in zip(records, splits, strict=True)],
            groups, ('val', 'test'))
    if '' in named:
        lacking = next(record for record in records if not record.split)
        raise ValueError('every row needs a split, or none: '
                         f'{lacking.where} has none')
    if 'val' in named or not val:
        return records
    cut = ValidationCut(val / (train + val), seed).records(
        records, folder, LEAKING_TOKENS)
    groups = groups_sharing(text_contents(cut, LEAKING_TOKENS),
                            image_contents(cut, folder))
    return _with_training_rows(cut, groups, ('val', ))


def _with_training_rows(records: list[PairRecord],
                        groups: Sequence[int],
                        drawn: Sequence[str]) -> list[PairRecord]:
    """Move a group of each class that has no training row to training.

    Only of the splits that were drawn: what the table says stays.
    """
    trained = _classes_of(records, 'train')
    moved: set[int] = set()
    for record, group in zip(records, groups, strict=True):
        if trained and record.split in drawn and not trained.issuperset(
                record.classes):
            trained.update(record.classes)
            moved.add(group)
    return [dataclasses.replace(record, split='train')
            if group in moved and record.split in drawn else record
            for record, group in zip(records, groups, strict=True)]


def why_empty(records: Sequence[PairRecord], folder: Path, share: float,
              drawn: bool) -> str:
    """Say why a split has no pair.

    Args:
        records: All pairs.
        folder: The user's folder.
        share: The share that the split was to have.
        drawn: Whether splits were drawn; the table gives them else.
    """
    if not share:
        return 'its share is 0 (--split gives shares)'
    if not drawn:
        return 'the table gives its splits itself, and this is none of them'
    texts = Counter(text for several in text_contents(
        records, LEAKING_TOKENS) for text in several)
    copies = Counter(filter(None, image_contents(records, folder)))
    text, same_text = (texts.most_common(1) or [('', 0)])[0]
    same_picture = max(copies.values(), default=0)
    if round(share * len(records)) < 1 or max(same_text, same_picture) < 2:
        return (f'{len(records)} pairs are too few for a share of {share:g} '
                '(--split gives shares)')
    repeated = (f'the text {text[:60]!r}' if same_text >= same_picture
                else 'the same picture')
    return ('pairs with one picture, or with one text of '
            f'{LEAKING_TOKENS} words or more, stay together, and '
            f'{max(same_text, same_picture)} have {repeated}. A column '
            "'split' in the table parts them all the same")
