"""Pairwise distance: a closed form, the gradient, half precision."""
from __future__ import annotations

import pytest
import torch
from mmengine.registry import MODELS
from torch.autograd import gradcheck

from chtn_plugin.losses import pairwise_distance


def test_is_half_the_mean_squared_distance():
    # Squared distances 1 and 9 + 16 = 25: (1 + 25) / (2 * 2)
    image = torch.tensor([[1., 0.], [3., 4.]])
    assert pairwise_distance(image, torch.zeros(2, 2)).item() == 6.5


def test_of_equal_sides_is_zero():
    image = torch.rand(3, 4)
    assert pairwise_distance(image, image.clone()).item() == 0


def test_gradient_is_right():
    image, text = torch.rand(2, 3, 4, dtype=torch.float64)
    assert gradcheck(pairwise_distance, (image.requires_grad_(),
                                         text.requires_grad_()))


def test_half_precision_is_summed_in_float32():
    # 300 squares to 90000, beyond float16's largest number, 65504.
    image = torch.full((1, 2), 300., dtype=torch.float16, requires_grad=True)
    with torch.autocast('cpu', torch.bfloat16):
        value = pairwise_distance(image, torch.zeros_like(image))
    value.backward()
    assert (value.dtype, value.item()) == (torch.float32, 90000)
    assert image.grad.tolist() == [[300, 300]]


def test_refuses_other_shapes():
    with pytest.raises(ValueError, match=r'\(2, 3\) and \(4, 3\)'):
        pairwise_distance(torch.zeros(2, 3), torch.zeros(4, 3))


def test_loss_has_the_released_weight():
    loss = MODELS.build(dict(type='PairwiseLoss'))
    value = loss(torch.ones(1, 2), torch.zeros(1, 2))
    assert value.item() == pytest.approx(0.001)
