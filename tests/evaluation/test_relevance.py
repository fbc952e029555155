"""Which gallery items are relevant to which query."""
import numpy as np
import pytest

from chtn_plugin.evaluation.relevance import Relevance, has_class, label_array


def answers(relevance, count):
    return [relevance.answers(query).tolist() for query in range(count)]


def test_items_of_the_query_s_class_are_relevant_in_file_order():
    relevance = Relevance(np.array([1, 0, 2]), np.array([0, 1, 0, 1]))
    assert answers(relevance, 3) == [[1, 3], [0, 2], []]
    assert relevance.counts().tolist() == [2, 2, 0]


def test_items_of_several_classes_are_relevant_if_one_is_shared():
    relevance = Relevance(np.array([[1, 1, 0]]),
                          np.array([[0, 1, 1], [0, 0, 1], [1, 0, 0]]))
    assert answers(relevance, 1) == [[0, 2]]
    assert relevance.counts().tolist() == [2]


@pytest.mark.parametrize('same', [None, np.arange(60)])
def test_wide_labels_are_multiplied_sparse_with_the_same_answers(same):
    labels = np.random.default_rng(0).random((60, 300)) < .01
    relevance = Relevance(labels, labels, same=same)
    shared = labels.astype(int) @ labels.T.astype(int) > 0
    if same is not None:
        np.fill_diagonal(shared, False)
    assert 0 < shared.sum() < shared.size / 2
    np.testing.assert_array_equal(relevance.mask(np.arange(60)), shared)
    assert relevance.counts().tolist() == shared.sum(1).tolist()
    assert relevance.answers(7) == pytest.approx(np.flatnonzero(shared[7]))
    assert relevance.gallery_size == 60 - (same is not None)


@pytest.mark.parametrize('labels', [
    np.array([0, 1, 0]), np.array([[1, 0], [0, 1], [1, 0]])])
def test_a_query_of_the_gallery_is_no_answer_to_itself(labels):
    relevance = Relevance(labels, labels, same=np.arange(3))
    assert answers(relevance, 3) == [[2], [], [0]]
    assert relevance.counts().tolist() == [1, 0, 1]
    assert relevance.gallery_size == 2


def test_the_mask_says_the_same_as_the_answers():
    relevance = Relevance(np.array([1, 0]), np.array([0, 1, 0]))
    assert relevance.mask(np.array([1, 0])).tolist() == [
        [True, False, True], [False, True, False]]


def test_refuses_one_class_against_several():
    with pytest.raises(ValueError, match=r'must agree.*\(1,\) and \(1, 2\)'):
        Relevance(np.array([0]), np.array([[0, 1]]))


def test_nan_is_an_item_without_class():
    assert label_array(np.array([2., np.nan])).tolist() == [2, -1]
    assert has_class(np.array([2., np.nan, -1])).tolist() == [
        True, False, False]


def test_a_row_of_nan_has_none_of_several_classes():
    labels = np.array([[0, 1], [np.nan, np.nan]])
    assert label_array(labels).tolist() == [[False, True], [False, False]]
    assert has_class(labels).tolist() == [True, False]


def test_rows_of_bool_are_not_copied():
    labels = np.array([[True, False], [False, False]])
    assert label_array(labels) is labels


def test_refuses_entries_that_are_no_class():
    with pytest.raises(ValueError, match='whole numbers, got 0.5'):
        label_array(np.array([1, .5]))
    with pytest.raises(ValueError, match='0 or 1, row 1 holds 3'):
        label_array(np.array([[0, 1], [3, 0]]))
