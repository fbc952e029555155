"""Draw splits and shares by a seed, from every class alike."""
from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Hashable, Sequence

import numpy as np


def stratified_fraction(labels: Sequence[Hashable],
                        fraction: float,
                        seed: int = 0) -> list[int]:
    """Draw a share of the items, from every class alike.

    The smaller of two shares under one seed is contained in the larger.

    Args:
        labels: Class of each of N items.
        fraction: Share of each class, in (0, 1]; rounded, at least one item.
        seed: Which items are taken.

    Returns:
        Indices in ascending order.

    Raises:
        ValueError: The fraction is not in (0, 1].
    """
    if not 0 < fraction <= 1:
        raise ValueError(f'fraction must be in (0, 1], got {fraction}')
    return sorted(
        item for items in _in_drawn_order(labels, seed)
        for item in items[:max(1, round(fraction * len(items)))])


def stratified_count(labels: Sequence[Hashable], count: int, seed: int = 0
                     ) -> list[int]:
    """Draw so many items of every class.

    They are drawn in the order of :func:`stratified_fraction`: the smaller
    of two choices under one seed is contained in the larger.

    Args:
        labels: Class of each of N items.
        count: Items a class, at least 1; a smaller class gives all it has.
        seed: Which items are taken.

    Returns:
        Indices in ascending order.

    Raises:
        ValueError: The count is below 1.
    """
    if count < 1:
        raise ValueError('a number of rows a class must be at least 1, got '
                         f'{count}')
    return sorted(item for items in _in_drawn_order(labels, seed)
                  for item in items[:count])


def _in_drawn_order(labels: Sequence[Hashable], seed: int
                    ) -> list[list[int]]:
    """Indices of each class, in the order in which a seed draws them."""
    members: dict[Hashable, list[int]] = {}
    for index, label in enumerate(labels):
        members.setdefault(label, []).append(index)
    return [[members[label][i] for i in np.random.default_rng(
        (seed, number)).permutation(len(members[label]))]
            for number, label in enumerate(sorted(members, key=str))]


def stratified_split(labels: Sequence[Hashable],
                     fractions: dict[str, float],
                     seed: int = 0) -> list[str]:
    """Assign each item to a split, class by class.

    Sizes are rounded by largest remainder twice, over the whole set and
    within it over the classes, so that a split has
    ``round(fraction * N)`` items and each class its share to within one.

    Args:
        labels: Class of each item.
        fractions: Share of each split, summing to 1.
        seed: Equal seeds and labels give equal splits, on every machine.

    Returns:
        Name of the split of each item.

    Raises:
        ValueError: The fractions do not sum to 1 or one is negative.
    """
    check_fractions(fractions)
    members: dict[Hashable, list[int]] = defaultdict(list)
    for index, label in enumerate(labels):
        members[label].append(index)
    generator = random.Random(seed)
    # In order of first appearance; sorting would need comparable labels.
    result = [''] * len(labels)
    # The next class repays what rounding took from a split.
    debt = dict.fromkeys(fractions, 0.0)
    for indices in members.values():
        generator.shuffle(indices)
        due = {name: len(indices) * share + debt[name]
               for name, share in fractions.items()}
        sizes = _largest_remainder(due, len(indices))
        start = 0
        for name, size in sizes.items():
            debt[name] = due[name] - size
            for index in indices[start:start + size]:
                result[index] = name
            start += size
    return result


def grouped_split(labels: Sequence[Hashable],
                  groups: Sequence[Hashable],
                  fractions: dict[str, float],
                  seed: int = 0) -> list[str]:
    """Split as :func:`stratified_split`, but keep each group in one split.

    Groups (pairs that share an image, equal texts) are dealt largest first
    to the split that lacks most in the group's class, so sizes are close to
    the fractions rather than exact.

    Args:
        labels: Class of each item; a group counts under its first item's.
        groups: Group of each item.
        fractions: Share of each split, summing to 1.
        seed: Equal seeds and input give equal splits.

    Returns:
        Name of the split of each item.

    Raises:
        ValueError: The fractions do not sum to 1 or one is negative.
    """
    check_fractions(fractions)
    members: dict[Hashable, list[int]] = defaultdict(list)
    for index, group in enumerate(groups):
        members[group].append(index)
    if len(members) == len(labels):
        return stratified_split(labels, fractions, seed)
    by_class: dict[Hashable, list[list[int]]] = defaultdict(list)
    for indices in members.values():
        by_class[labels[indices[0]]].append(indices)
    generator = random.Random(seed)
    result = [''] * len(labels)
    debt = dict.fromkeys(fractions, 0.0)
    for blocks in by_class.values():
        generator.shuffle(blocks)
        blocks.sort(key=len, reverse=True)
        total = sum(map(len, blocks))
        lacking = {name: total * share + debt[name]
                   for name, share in fractions.items()}
        for block in blocks:
            name = max(lacking, key=lacking.__getitem__)
            lacking[name] -= len(block)
            for index in block:
                result[index] = name
        debt = lacking
    return result


def check_fractions(fractions: dict[str, float]) -> None:
    """Refuse shares of splits that are negative or do not sum to 1.

    Args:
        fractions: Share of each split.

    Raises:
        ValueError: They are.
    """
    if min(fractions.values(), default=-1) < 0 or not abs(
            sum(fractions.values()) - 1) <= 1e-6:  # NaN is not, either
        raise ValueError('the fractions of the splits must not be negative '
                         f'and must sum to 1, got {fractions}')


def _largest_remainder(due: dict[str, float],
                       total: int) -> dict[str, int]:
    """Round to whole sizes that sum to ``total``."""
    sizes = {name: max(int(value), 0) for name, value in due.items()}
    while sum(sizes.values()) > total:
        worst = max((name for name in sizes if sizes[name]),
                    key=lambda name: sizes[name] - due[name])
        sizes[worst] -= 1
    by_rest = sorted(due, key=lambda name: sizes[name] - due[name])
    for name in by_rest[:total - sum(sizes.values())]:
        sizes[name] += 1
    return sizes
