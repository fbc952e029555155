"""Labels of rows of known classes."""
from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from chtn_plugin.datasets.class_numbers import ClassNumbers, SparseLabels
from chtn_plugin.datasets.manifest import PairRecord


def row(*classes):
    return PairRecord('0', 'test', classes, '0.png', ('a text', ), 'm.tsv:7')


def numbers(several):
    return ClassNumbers(('bird', 'cat', 'dog'), several, 'train')


def test_a_label_is_the_place_of_the_class():
    assert [numbers(False).of(row(*names)) for names in (
        ('bird', ), ('dog', ), ())] == [0, 2, -1]


def test_several_labels_are_several_places():
    assert [numbers(True).of(row(*names)) for names in (
        ('dog', 'bird'), ('cat', ), ())] == [(2, 0), (1, ), ()]


def test_a_batch_is_a_number_a_row():
    batch = numbers(False).tensor([2, -1])
    assert batch.dtype == torch.int64 and batch.tolist() == [2, -1]


def test_a_batch_of_several_labels_is_a_row_of_marks():
    marks = numbers(True).tensor([(2, 0), (), (1, )])
    assert marks[[0, 2]].tolist() == [[1, 0, 1], [0, 1, 0]]
    assert all(map(math.isnan, marks[1].tolist()))


def test_a_class_that_training_lacks_is_named_with_its_row():
    with pytest.raises(ValueError, match=(
            r"one of the 3 of split 'train' \(bird, cat, dog, ...\): got "
            r"'cow' at m.tsv:7")):
        numbers(False).of(row('cow'))


def test_of_a_name_that_comes_twice_the_first_counts():
    assert ClassNumbers(('a', 'b', 'a'), False, 'train').of(row('a')) == 0


def test_one_class_a_row_is_a_number():
    labels = SparseLabels(np.array([3, 1]), np.array([0, 1, 1, 2]))
    assert labels.tensor(np.array([2, 1, 0])).tolist() == [1, -1, 3]
    assert [labels.of(row) for row in range(3)] == [3, -1, 1]


def test_several_classes_a_row_are_members():
    labels = SparseLabels(np.array([2, 0, 1]), np.array([0, 2, 2, 3]), 3)
    found = labels.tensor(np.array([1, 2, 0]))
    assert found[0].isnan().all()
    assert found[1:].tolist() == [[0, 1, 0], [1, 0, 1]]
    assert labels.of(0) == (2, 0) and labels.of(1) == ()
    taken = labels.take(np.array([2, 0]))
    assert (taken.of(0), taken.of(1), len(taken)) == ((1, ), (2, 0), 2)


def test_joined_labels_are_those_of_the_joined_matrix():
    first, second = (np.array(rows, np.float32) for rows in (
        [[0, 1, 1], [np.nan] * 3], [[1, 0, 0], [0, 0, 0]]))
    joined = SparseLabels.of_matrix(first).joined(
        SparseLabels.of_matrix(second))
    whole = SparseLabels.of_matrix(np.concatenate([first, second]))
    assert [joined.of(row) for row in range(4)] == [
        whole.of(row) for row in range(4)]
    assert joined.lacks_class().tolist() == [False, True, False, False]
