"""Which rows have a label."""
import numpy as np
import pytest
from small_set import small_set

from chtn_plugin.studies.label_budgets import (
    LabelBudget,
    can_choose,
    folds,
    unseen_classes,
)


@pytest.mark.parametrize('text', ['100%', '10%', '2.5%', '4/class'])
def test_a_budget_is_named_as_it_is_written(text):
    assert LabelBudget.parse(text).name == text


@pytest.mark.parametrize('text', ['0%', '101%', '0/class', '10', 'all'])
def test_what_is_no_budget_is_refused(text):
    with pytest.raises(ValueError, match=repr(text)):
        LabelBudget.parse(text)


def test_a_number_a_class_is_drawn_of_every_class():
    made = small_set()
    rows = LabelBudget(each=4).labelled(made, 0)
    assert np.bincount(made.label[rows]).tolist() == [4, 4, 4]
    assert made.train[rows].all()


def test_a_share_is_drawn_of_every_class():
    made = small_set()  # 16 rows a class
    rows = LabelBudget(share=.25).labelled(made, 0)
    assert np.bincount(made.label[rows]).tolist() == [4, 4, 4]


def test_draws_differ_and_repeat():
    made, budget = small_set(), LabelBudget(each=4)
    assert budget.labelled(made, 1).tolist() == budget.labelled(
        made, 1).tolist() != budget.labelled(made, 2).tolist()


def test_more_labels_hold_the_fewer():
    made = small_set()
    assert set(LabelBudget(each=2).labelled(made, 3)) < set(
        LabelBudget(each=5).labelled(made, 3))


def test_all_labels_are_the_training_rows():
    assert LabelBudget(share=1.).labelled(small_set(), 0).tolist() == list(
        range(48))


def test_folds_share_every_class_out():
    label = np.arange(30) % 3
    found = folds(label, 3, 0)
    for number in range(3):
        counts = np.bincount(found[label == number], minlength=3)
        assert counts.max() - counts.min() <= 1


def test_two_rows_of_a_class_leave_nothing_to_choose():
    assert not can_choose(np.array([0, 0, 0, 1, 1]))
    assert can_choose(np.array([0, 0, 0, 1, 1, 1]))


def test_unseen_classes_are_two_at_least():
    assert len(unseen_classes(np.arange(4), .1, 0)) == 2
    assert len(unseen_classes(np.arange(20), .25, 0)) == 5


def test_classes_that_no_row_has_are_not_drawn():
    there = np.array([10, 20, 30, 40])
    for draw in range(6):
        found = unseen_classes(there, .5, draw)
        assert len(found) == 2 and set(found) < set(there)


def test_where_nothing_is_labelled_nothing_is_chosen():
    assert can_choose(np.array([], int)) is False


def test_unseen_classes_differ_between_draws():
    assert len({tuple(unseen_classes(np.arange(20), .25, draw))
                for draw in range(5)}) > 1


def test_too_few_classes_to_train_on_are_refused():
    with pytest.raises(ValueError, match='leaves 1 to train on'):
        unseen_classes(np.arange(3), .5, 0)
    with pytest.raises(ValueError, match=r'\(0, 1\), got 1'):
        unseen_classes(np.arange(9), 1, 0)
