"""Stratified shares."""
from __future__ import annotations

from collections import Counter

import pytest

from chtn_plugin.datasets.splits import stratified_fraction

LABELS = ['a'] * 20 + ['b'] * 10 + ['c'] * 2


@pytest.mark.parametrize('fraction, expected', [
    (1.0, dict(a=20, b=10, c=2)),
    (0.5, dict(a=10, b=5, c=1)),
    (0.1, dict(a=2, b=1, c=1)),  # at least one of each class
])
def test_every_class_gives_its_share(fraction, expected):
    chosen = stratified_fraction(LABELS, fraction)
    assert Counter(LABELS[i] for i in chosen) == expected


def test_smaller_shares_lie_in_larger_ones():
    shares = [set(stratified_fraction(LABELS, fraction, seed=3))
              for fraction in (0.1, 0.3, 0.5, 0.9, 1.0)]
    assert all(a < b for a, b in zip(shares, shares[1:], strict=False))


def test_a_share_does_not_depend_on_the_order_of_classes():
    chosen = stratified_fraction(LABELS, 0.5)
    swapped = stratified_fraction(LABELS[20:] + LABELS[:20], 0.5)
    assert {(i - 12) if i >= 12 else i + 20 for i in swapped} == set(chosen)


def test_indices_ascend_and_repeat():
    chosen = stratified_fraction(LABELS, 0.5, seed=1)
    assert chosen == sorted(set(chosen))
    assert chosen == stratified_fraction(LABELS, 0.5, seed=1)


def test_seeds_differ():
    assert stratified_fraction(LABELS, 0.5, 1) != stratified_fraction(
        LABELS, 0.5, 2)


@pytest.mark.parametrize('fraction', [0, -0.1, 1.1, float('nan')])
def test_share_out_of_range_is_refused(fraction):
    with pytest.raises(ValueError, match=r'in \(0, 1\], got'):
        stratified_fraction(LABELS, fraction)
