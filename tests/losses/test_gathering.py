"""Rows of all ranks, on a single one; several ranks: tests/distributed."""
import pytest
import torch

from chtn_plugin.losses.gathering import gather_rows, mean_square_distance


def test_one_rank_has_all_rows_already():
    image, text = torch.ones(2, 3), torch.zeros(1, 3)
    gathered = gather_rows(image, text)
    assert gathered[0] is image and gathered[1] is text


def test_the_mean_leaves_out_the_distance_of_a_row_to_itself():
    # Squared distances of 0, 2 and 4: 4, 16 and 4.
    rows = torch.tensor([[0.], [2.], [4.]])
    assert mean_square_distance(rows).item() == pytest.approx((4 + 16 + 4) / 3)


def test_squares_beyond_float32_are_still_summed():
    rows = torch.tensor([[0.], [1e25]])
    assert mean_square_distance(rows).item() == pytest.approx(1e50, rel=1e-6)


def test_the_distance_takes_no_gradient():
    rows = torch.ones(2, 2, requires_grad=True)
    assert not mean_square_distance(rows).requires_grad
