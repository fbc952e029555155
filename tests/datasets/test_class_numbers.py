"""Labels of rows of known classes."""
from __future__ import annotations

import math

import pytest
import torch

from chtn_plugin.datasets.class_numbers import ClassNumbers
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
