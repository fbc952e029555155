"""Which rows share a class."""
import torch

from chtn_plugin.losses.labels import gather_labels, same_class


def test_equal_numbers_share_a_class():
    assert same_class(torch.tensor([0, 1, 0])).tolist() == [
        [True, False, True], [False, True, False], [True, False, True]]


def test_one_class_in_common_is_enough():
    label = torch.tensor([[1., 1, 0], [0, 1, 0], [0, 0, 1]])
    assert same_class(label).tolist() == [
        [True, True, False], [True, True, False], [False, False, True]]


def test_one_rank_gathers_its_own():
    label = torch.tensor([2, 0, 1])
    assert torch.equal(gather_labels(label), label)
