"""Stratified shares of a data set."""
from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np


def stratified_fraction(labels: Sequence[Hashable],
                        fraction: float,
                        seed: int = 0) -> list[int]:
    """Indices of a share of the items, taken from every class alike.

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
    members: dict[Hashable, list[int]] = {}
    for index, label in enumerate(labels):
        members.setdefault(label, []).append(index)
    chosen: list[int] = []
    for number, label in enumerate(sorted(members, key=str)):
        items = members[label]
        order = np.random.default_rng((seed, number)).permutation(len(items))
        size = max(1, round(fraction * len(items)))
        chosen.extend(items[i] for i in order[:size])
    return sorted(chosen)
