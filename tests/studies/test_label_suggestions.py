"""Which pairs to label next, and which labels look wrong."""
from __future__ import annotations

import numpy as np
import pytest
from small_set import small_set

from chtn_plugin.studies.label_suggestions import (
    WAYS,
    disagreement,
    next_rows,
    suspects,
)
from chtn_plugin.studies.pair_features import PairFeatures


def features(image, label):
    image = np.array(image, np.float32)
    return PairFeatures('f', image, image, np.array(label),
                        np.ones(len(image), bool))


def scores(count, classes=2):
    return np.zeros((count, classes)), np.zeros((count, classes))


def test_sides_that_say_the_same_do_not_disagree():
    rows = np.array([[3., 0.], [0., 5.]])
    assert disagreement(rows, rows) == pytest.approx([0, 0])


def test_sides_that_exclude_each_other_disagree_by_one_bit():
    sure = np.array([[100., 0.]])
    assert disagreement(sure, -sure) == pytest.approx([1.])


def test_one_sure_side_and_one_open_side():
    # m = (3/4, 1/4): half of log2(4/3), and half of
    # .5 log2(2/3) + .5 log2(2).
    value = (np.log2(4 / 3) + .5 * np.log2(2 / 3) + .5) / 2
    assert disagreement(np.array([[100., 0.]]),
                        np.zeros((1, 2))) == pytest.approx([value])


def test_coverage_begins_with_what_most_are_near_to():
    # Three alike and one apart, nothing labelled.
    made = features([[1, 0], [1, 0], [1, 0], [0, 1]], [-1] * 4)
    assert next_rows(made, made.label, scores(4), 1, 'coverage') == [0]


def test_coverage_then_leaves_what_is_covered():
    made = features([[1, 0], [1, 0], [1, 0], [0, 1]], [-1] * 4)
    found = next_rows(made, made.label, scores(4), 2, 'coverage')
    assert found.tolist() == [0, 3]


def test_what_a_labelled_pair_is_near_to_is_not_asked_for():
    made = features([[1, 0], [1, 0], [1, 0], [0, 1]], [0, -1, -1, -1])
    assert next_rows(made, made.label, scores(4), 1, 'coverage') == [3]


def test_disagreement_asks_for_what_the_sides_disagree_on_most():
    made = features([[1, 0], [1, 0], [0, 1]], [-1, -1, -1])
    image = np.array([[9., 0.], [9., 0.], [9., 0.]])
    text = np.array([[9., 0.], [0., 9.], [1., 0.]])
    found = next_rows(made, made.label, (image, text), 2, 'disagreement')
    assert found.tolist() == [1, 2]


def test_both_prefers_the_disputed_of_two_equal_places():
    made = features([[1, 0], [0, 1]], [-1, -1])
    image, text = np.zeros((2, 2)), np.array([[0., 0.], [9., 0.]])
    assert next_rows(made, made.label, (image, text), 1, 'both') == [1]


@pytest.mark.parametrize('by', WAYS)
def test_only_unlabelled_training_pairs_are_asked_for(by):
    made = small_set()
    label = np.where(made.train, made.label, -2)
    label[:10] = -1
    found = next_rows(made, label, scores(len(label), 3), 99, by)
    assert sorted(found) == list(range(10))


def test_an_unknown_way_is_refused():
    made = small_set()
    with pytest.raises(ValueError, match="got 'chance'"):
        next_rows(made, made.label, scores(63, 3), 1, 'chance')


def test_no_number_is_refused():
    made = small_set()
    with pytest.raises(ValueError, match='number must be at least 1, got 0'):
        next_rows(made, made.label, scores(63, 3), 0)


def test_swapped_labels_are_found():
    made = small_set(train=120, noise=.3)
    label = np.where(made.train, made.label, -2)
    label[[3, 50]] = (label[[3, 50]] + 1) % 3
    found = suspects(made, label, 3)
    assert {s.row for s in found[:2]} == {3, 50}
    assert all(s.likely == made.label[s.row] for s in found[:2])
    assert all(s.share > s.given_share for s in found)


def test_right_labels_of_clear_classes_are_not_suspect():
    made = small_set(train=60, noise=.05)
    label = np.where(made.train, made.label, -2)
    assert suspects(made, label, 3) == []


def test_a_single_label_of_a_class_can_not_be_judged():
    made = small_set()
    label = np.where(made.train, -1, -2)
    label[[0, 1, 2]] = [0, 1, 2]
    assert suspects(made, label, 3) == []
