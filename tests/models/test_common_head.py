"""The shared head fc8–fc10."""
from __future__ import annotations

import pytest
import torch

from chtn_plugin.models import CommonHead


def test_taps_have_their_widths():
    taps = CommonHead(3, 5, widths=(4, 2))(torch.randn(6, 5))
    assert {name: tuple(tap.shape) for name, tap in taps.items()} == {
        'fc8': (6, 4), 'fc9': (6, 2), 'fc10': (6, 3)}


def test_hidden_taps_are_cut_at_zero_and_logits_are_not():
    head = CommonHead(1, 1, widths=(2, 2))
    head.fc8.weight.data = torch.tensor([[1.], [-1.]])
    head.fc9.weight.data = torch.tensor([[1., 0.], [-1., 0.]])
    head.fc10.weight.data = torch.tensor([[-2., 5.]])
    taps = head(torch.tensor([[3.]]))
    assert taps['fc8'].tolist() == [[3, 0]]
    assert taps['fc9'].tolist() == [[3, 0]]
    assert taps['fc10'].tolist() == [[-6]]


def test_has_no_normalisation_and_no_dropout_by_default():
    head = CommonHead(3, 5, widths=(4, 2))
    assert not list(head.buffers()) and head.dropout.p == 0


def test_size_must_be_known():
    with pytest.raises(ValueError, match='in_features must be given'):
        CommonHead(3)


def test_needs_two_widths():
    with pytest.raises(ValueError, match=r'fc8 and fc9, got \[1, 2, 3\]'):
        CommonHead(3, 5, widths=(1, 2, 3))
