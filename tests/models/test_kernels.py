"""Kernels between rows."""
import math

import pytest
import torch

from chtn_plugin.models.kernels import kernel_matrix, rbf_kernel


def test_rbf_of_a_row_with_itself_is_1():
    rows = torch.randn(3, 4)
    assert rbf_kernel(rows, rows, .7).diag().tolist() == pytest.approx(
        [1] * 3, abs=1e-5)


def test_rbf_falls_with_the_squared_distance():
    value = rbf_kernel(torch.tensor([[0., 0.]]), torch.tensor([[3., 4.]]),
                       .1)
    assert value.item() == pytest.approx(math.exp(-.1 * 25))


def test_linear_kernel_is_the_product():
    one, other = torch.randn(2, 3), torch.randn(4, 3)
    assert torch.equal(kernel_matrix('linear', one, other, 1.),
                       one @ other.T)
