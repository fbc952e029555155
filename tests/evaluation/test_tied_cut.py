"""Expected values of a cut within a tied group, over all orders by hand."""
from math import comb

import numpy as np
import pytest

from chtn_plugin.evaluation.rank_table import RankTable
from chtn_plugin.evaluation.tied_cut import (
    _mean_inverse_rank,
    expected_first_relevant,
    expected_over_hits,
)


def one_group(size, hits, before=0):
    """One query; its relevant items are all in a group of equal scores."""
    return RankTable(*map(np.array, ([0, 1], [before], [size], [hits], [0],
                                     [hits])), before + size)


def over_hits(table, above, value=-1.):
    values = np.array([value])
    expected_over_hits(table, np.zeros(1), np.array([above]), values)
    return values[0]


def first_relevant(table, taken):
    terms = np.zeros(1)
    expected_first_relevant(table, np.array([taken]), terms)
    return terms[0]


def test_one_relevant_of_two_is_above_the_cut_half_of_the_time():
    # Orders RN: precision 1 of 1 hit; NR: no hit, 0.
    assert over_hits(one_group(2, 1), 1) == pytest.approx(1 / 2)


def test_two_relevant_of_three_cut_after_two():
    # RRN: (1 + 1) / 2; RNR: 1 / 1; NRR: (1 / 2) / 1.
    assert over_hits(one_group(3, 2), 2) == pytest.approx(2.5 / 3)


def test_a_group_that_the_cut_does_not_split_is_left_as_it_is():
    assert over_hits(one_group(3, 2), 3) == -1
    assert over_hits(one_group(3, 2), 0) == -1


def test_the_first_of_two_relevant_among_three():
    # At place 1 in RRN and RNR, at place 2 in NRR.
    assert first_relevant(one_group(3, 2), 1) == pytest.approx(
        (1 + 1 + 1 / 2) / 3)


def test_items_above_the_group_push_its_first_relevant_down():
    assert first_relevant(one_group(3, 2, before=1), 1) == pytest.approx(
        (1 / 2 + 1 / 2 + 1 / 3) / 3)


def test_a_group_that_counts_in_full_is_left_as_it_is():
    assert first_relevant(one_group(3, 2), 2) == 0


@pytest.mark.parametrize('j', [1, 10, 200])
def test_places_left_out_of_a_long_group_count_for_nothing(j):
    # C(i - 1, j - 1) C(n - i, r - j) / C(n, r) at every place, in integers.
    n, r = 2_000, 200
    mean = sum(comb(i - 1, j - 1) * comb(n - i, r - j) / comb(n, r) / i
               for i in range(j, n - r + j + 1))
    assert _mean_inverse_rank(n, r, j, 0) == pytest.approx(mean, rel=1e-12)


def test_one_relevant_of_many_stands_at_any_place_alike():
    assert _mean_inverse_rank(50_000, 1, 1, 0) == pytest.approx(
        sum(1 / i for i in range(1, 50_001)) / 50_000, rel=1e-12)
