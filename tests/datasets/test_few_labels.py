"""Which rows keep their class."""
from __future__ import annotations

import pytest

from chtn_plugin.datasets.few_labels import FewLabels

LABELS = ['a'] * 4 + ['b'] * 6 + [None] * 2


def test_all_rows_exist_and_keep_their_class_by_default():
    assert FewLabels().kept(LABELS) == (list(range(12)), list(range(10)))


def test_dropped_rows_do_not_exist_but_pairs_without_class_do():
    rows, labelled = FewLabels(fraction=.5).kept(LABELS)
    assert rows == [*labelled, 10, 11]
    assert [LABELS[row] for row in labelled] == ['a'] * 2 + ['b'] * 3


def test_the_rest_may_stay_without_class():
    rows, labelled = FewLabels(fraction=.5, rest='unlabelled').kept(LABELS)
    assert rows == list(range(12))
    assert len(labelled) == 5


def test_so_many_rows_of_every_class():
    _, labelled = FewLabels(per_class=3).kept(LABELS)
    assert [LABELS[row] for row in labelled] == ['a'] * 3 + ['b'] * 3


def test_a_smaller_class_gives_all_it_has():
    _, labelled = FewLabels(per_class=5).kept(LABELS)
    assert [LABELS[row] for row in labelled] == ['a'] * 4 + ['b'] * 5


def test_fewer_labels_of_one_seed_are_among_more():
    few, more = (set(FewLabels(per_class=count, seed=3).kept(LABELS)[1])
                 for count in (1, 3))
    assert few < more


def test_seeds_draw_other_rows():
    drawn = {tuple(FewLabels(per_class=1, seed=seed).kept(LABELS)[1])
             for seed in range(20)}
    assert len(drawn) > 1


@pytest.mark.parametrize(('only', 'served'), [
    (None, [True, False]), ('labelled', [True]), ('unlabelled', [False])])
def test_only_selects_rows(only, served):
    few = FewLabels(only=only)
    assert [has for has in (True, False) if few.serves(has)] == served


def test_refuses_both_a_share_and_a_number():
    with pytest.raises(ValueError, match='fraction=0.1 and per_class=4'):
        FewLabels(fraction=.1, per_class=4)


def test_refuses_an_unknown_rest():
    with pytest.raises(ValueError, match="rest must be .*got 'keep'"):
        FewLabels(rest='keep')


def test_refuses_an_unknown_selection():
    with pytest.raises(ValueError, match="only must be .*got 'some'"):
        FewLabels(only='some')


def test_refuses_no_rows_a_class():
    with pytest.raises(ValueError, match='at least 1, got 0'):
        FewLabels(per_class=0).kept(LABELS)
