"""Sides of pairs, before a loss compares them."""
from __future__ import annotations

import pytest
import torch

from chtn_plugin.losses.pair_rows import check_pairs, in_float32, unit_pairs


def test_sides_of_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r'\(2, 3\) and \(2, 4\)'):
        check_pairs(torch.zeros(2, 3), torch.zeros(2, 4))


def test_half_precision_becomes_float32_and_double_stays():
    half, double = in_float32(torch.zeros(1, 2, dtype=torch.bfloat16),
                              torch.zeros(1, 2, dtype=torch.float64))
    assert (half.dtype, double.dtype) == (torch.float32, torch.float64)


def test_both_sides_come_to_length_1():
    image, text = unit_pairs(torch.tensor([[3., 4.]]),
                             torch.tensor([[0., -2.]]))
    torch.testing.assert_close(image, torch.tensor([[.6, .8]]))
    torch.testing.assert_close(text, torch.tensor([[0., -1.]]))
