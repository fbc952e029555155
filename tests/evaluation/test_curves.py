"""Precision-recall curves, by hand."""
import numpy as np
import pytest

from chtn_plugin.evaluation.curves import CurveSums
from chtn_plugin.evaluation.rank_table import group_ties


def table_of(before, size, offsets, gallery):
    return group_ties(*(np.array(each, dtype=int)
                        for each in (before, size, offsets)), gallery)


# One query among four items, relevant are ranks 1 and 3.
RANKS_1_AND_3 = table_of([0, 2], [1, 1], [0, 2], 4)


def points_of(base, *tables, gallery=4):
    sums = CurveSums.of(base, gallery)
    for table in tables:
        sums.add(table)
    return sums.points()


def test_the_full_curve_has_precision_and_recall_of_every_rank():
    points = points_of('pr-full', RANKS_1_AND_3)
    assert points['rank'] == [1, 2, 3, 4]
    assert points['precision'] == pytest.approx([1, 1 / 2, 2 / 3, 2 / 4])
    assert points['recall'] == pytest.approx([.5, .5, 1, 1])


def test_a_level_has_the_best_precision_at_or_beyond_its_recall():
    # Recall .5 is reached at rank 1 (precision 1), recall 1 at rank 3 (2/3).
    points = points_of('pr-11', RANKS_1_AND_3)
    assert points['recall'] == pytest.approx(np.arange(11) / 10)
    assert points['precision'] == pytest.approx([1] * 6 + [2 / 3] * 5)


def test_a_tied_hit_is_spread_evenly_over_the_ranks_of_its_group():
    # Two items of one score, one of them relevant: half a hit at each rank.
    points = points_of('pr-full', table_of([0], [2], [0, 1], 2), gallery=2)
    assert points['precision'] == pytest.approx([.5, .5])
    assert points['recall'] == pytest.approx([.5, 1])


def test_a_curve_is_the_mean_over_queries_that_have_a_relevant_item():
    none = table_of([], [], [0, 0], 4)
    first, last = (table_of([at], [1], [0, 1], 4) for at in (0, 3))
    points = points_of('pr-full', first, none, last)
    assert points['recall'] == pytest.approx([.5, .5, .5, 1])


@pytest.mark.parametrize('base', ['pr-11', 'pr-full'])
def test_shares_of_the_queries_add_up_to_the_whole(base):
    last = table_of([3], [1], [0, 1], 4)
    parts = [CurveSums.of(base, 4) for _ in range(2)]
    for part, table in zip(parts, (RANKS_1_AND_3, last), strict=True):
        part.add(table)
    parts[0].include(parts[1])
    assert parts[0].points() == points_of(base, RANKS_1_AND_3, last)


def test_other_formulas_have_no_curve():
    assert CurveSums.of('map-all', 4) is None
