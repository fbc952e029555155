"""Which pairs must not be parted by a split: those that share content."""
from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

from tqdm import tqdm

from ..manifest import PairRecord
from .splits import grouped_split
from .verify import sha256


def folded(text: str) -> str:
    """Return a text's words in one case and normal form, single blanks."""
    return re.sub(r'[\W_]+', ' ', unicodedata.normalize(
        'NFKC', text).casefold()).strip()


def content_groups(records: Sequence[PairRecord],
                   root: Optional[Path]) -> list[int]:
    """Group pairs that share an image's bytes or a text's words.

    Args:
        records: The pairs.
        root: Folder of the images; None: only equal paths are equal images.

    Returns:
        Group of each pair: the number of its first member.
    """
    parent = list(range(len(records)))

    def find(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    first: dict[str, int] = {}
    for index, record in enumerate(tqdm(records, 'compare', unit='pair',
                                        disable=None)):
        keys = [f'text {folded(" ".join(record.texts))}']
        if record.image:
            keys.append(f'image {record.image}' if root is None else
                        f'image {sha256(root / record.image)}')
        for key in keys:
            if key != 'text ':
                one, other = find(first.setdefault(key, index)), find(index)
                parent[max(one, other)] = min(one, other)
    return [find(index) for index in range(len(records))]


def cut_validation(records: Sequence[PairRecord], fraction: float, seed: int,
                   root: Optional[Path]) -> list[PairRecord]:
    """Move a share of ``'train'`` to ``'val'``, by class.

    Pairs with equal images or texts stay together, so that validation does
    not measure memory.

    Args:
        records: The pairs.
        fraction: Share of the training pairs.
        seed: Seed of the cut.
        root: Folder of the images.

    Returns:
        New records in the same order.
    """
    result = list(records)
    if not fraction:
        return result
    train = [index for index, record in enumerate(records)
             if record.split == 'train']
    pairs = [records[index] for index in train]
    splits = grouped_split([record.classes for record in pairs],
                           content_groups(pairs, root),
                           {'train': 1 - fraction, 'val': fraction}, seed)
    for index, split in zip(train, splits, strict=True):
        result[index] = dataclasses.replace(records[index], split=split)
    return result
