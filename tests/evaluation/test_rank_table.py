"""The table of ranks: groups of tied items, and what follows from them."""
import numpy as np
import pytest

from chtn_plugin.evaluation.rank_table import (
    file_order_ranks,
    group_ties,
    item_ranks,
    stable_ranks,
)


def table_of(before, size, offsets, gallery):
    return group_ties(*(np.array(each, dtype=int)
                        for each in (before, size, offsets)), gallery)


def test_relevant_items_of_one_score_become_one_group():
    # Of three relevant items the second and the third share a score.
    table = table_of([0, 1, 1], [1, 2, 2], [0, 3], 3)
    assert table.before.tolist() == [0, 1]
    assert table.size.tolist() == [1, 2]
    assert table.hits.tolist() == [1, 2]
    assert table.hits_before.tolist() == [0, 1]
    assert table.offsets.tolist() == [0, 2]
    assert table.relevant.tolist() == [3]


def test_groups_of_two_queries_stay_apart():
    table = table_of([0, 0], [1, 1], [0, 1, 2], 2)
    assert table.hits.tolist() == [1, 1]
    assert table.offsets.tolist() == [0, 1, 2]


def test_a_query_without_relevant_items_has_no_group():
    table = table_of([0, 3], [1, 1], [0, 0, 2], 5)
    assert table.relevant.tolist() == [0, 2]
    assert table.sum_groups(np.array([1., 4.])).tolist() == [0, 5]


def test_a_value_of_a_query_is_repeated_for_its_groups():
    table = table_of([0, 3, 1], [1, 1, 1], [0, 2, 3], 5)
    assert table.per_group(np.array([7, 9])).tolist() == [7, 7, 9]


def test_tied_items_count_those_that_share_a_score_with_any_item():
    # One relevant item shares its score with an irrelevant one, one does not.
    table = table_of([0, 2], [2, 1], [0, 2], 4)
    assert table.tied_items().tolist() == [1]


def test_a_shuffled_table_is_one_group_of_the_whole_gallery():
    table = table_of([0, 3], [1, 1], [0, 0, 2], 5).shuffled()
    assert table.offsets.tolist() == [0, 0, 1]
    assert (table.before.tolist(), table.size.tolist()) == ([0], [5])
    assert (table.hits.tolist(), table.hits_before.tolist()) == ([2], [0])


def test_the_top_of_a_table_keeps_the_groups_that_reach_into_it():
    # Ranks 1, 4 to 5 (tied), 9 of one query and 2 of another.
    table = table_of([0, 3, 3, 8, 1], [1, 2, 2, 1, 1], [0, 4, 5], 10)
    top = table.top(4)
    assert top.before.tolist() == [0, 3, 1]
    assert top.hits.tolist() == [1, 2, 1]
    assert top.offsets.tolist() == [0, 2, 3]
    assert top.relevant.tolist() == [4, 1]
    assert table.top(4) is top


def test_the_first_relevant_items_keep_the_group_that_holds_the_last():
    table = table_of([0, 3, 3, 8, 1], [1, 2, 2, 1, 1], [0, 4, 5], 10)
    assert table.first(2).before.tolist() == [0, 3, 1]
    assert table.first(1).before.tolist() == [0, 1]


@pytest.mark.parametrize('distinct', [3, 60])
def test_ties_broken_in_file_order_are_the_places_of_a_stable_sort(distinct):
    # Few tied scores are looked up one by one, many by sorting the row.
    rng = np.random.default_rng(distinct)
    order = rng.permutation(200)
    row = rng.integers(0, distinct, 200).astype(np.float32)
    row[20:23] = -np.inf  # taken out
    before, size = item_ranks(row, slice(10, 110))
    in_file = np.empty_like(row)
    in_file[order] = row
    expected, _ = stable_ranks(in_file, order[10:110])
    ours = file_order_ranks(row, order, 10, 110, before, size)
    assert ours.tolist() == expected.tolist()
