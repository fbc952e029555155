"""Seeded, stratified splits and shares."""
from __future__ import annotations

from collections import Counter

import pytest

from chtn_plugin.datasets.splits import (
    grouped_split,
    stratified_count,
    stratified_fraction,
    stratified_split,
)

SHARES = {'train': .8, 'val': .1, 'test': .1}
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


def test_every_class_keeps_its_share():
    labels = ['a'] * 100 + ['b'] * 50
    splits = stratified_split(labels, SHARES)
    assert Counter(zip(labels, splits, strict=True)) == {
        ('a', 'train'): 80, ('a', 'val'): 10, ('a', 'test'): 10,
        ('b', 'train'): 40, ('b', 'val'): 5, ('b', 'test'): 5}


def test_rounding_of_small_classes_evens_out():
    # 30 classes of 7: 10 % of each is 0.7, of all it is 21.
    splits = Counter(stratified_split([i % 30 for i in range(210)], SHARES))
    assert splits == {'train': 168, 'val': 21, 'test': 21}


def test_wikipedia_validation_has_217_of_2173():
    sizes = (138, 272, 244, 248, 202, 178, 186, 144, 214, 347)
    labels = [name for name, size in enumerate(sizes) for _ in range(size)]
    splits = Counter(stratified_split(labels, {'train': .9, 'val': .1}))
    assert splits == {'train': 1956, 'val': 217}


def test_equal_seeds_give_equal_splits():
    labels = [i % 3 for i in range(99)]
    assert stratified_split(labels, SHARES, 1) == stratified_split(
        labels, SHARES, 1) != stratified_split(labels, SHARES, 2)


def test_group_stays_on_one_side():
    labels = [i % 4 for i in range(400)]
    groups = [i // 8 for i in range(400)]
    splits = grouped_split(labels, groups, SHARES)
    assert len(set(zip(groups, splits, strict=True))) == 50
    assert Counter(splits)['train'] == pytest.approx(320, abs=24)


def test_one_giant_group_does_not_starve_the_rest():
    splits = grouped_split(['a'] * 20, [0] * 10 + list(range(1, 11)), SHARES)
    assert set(splits) == {'train', 'val', 'test'}


@pytest.mark.parametrize('shares', [{'train': .5}, {},
                                    {'train': 1.5, 'val': -.5}])
def test_shares_must_sum_to_one(shares):
    with pytest.raises(ValueError, match='sum to 1'):
        stratified_split(['a'], shares)


def test_so_many_items_of_every_class_are_among_the_share_of_it():
    labels = ['a'] * 10 + ['b'] * 20
    # 30 % of the classes are 3 and 6 items.
    assert set(stratified_count(labels, 3, seed=4)) < set(
        stratified_fraction(labels, .3, seed=4))
