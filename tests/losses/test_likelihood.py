"""Likelihood of sharing a class, by hand."""
import math

import pytest
import torch

from chtn_plugin.losses import PairLikelihoodLoss, pair_likelihood

AXES = torch.eye(2)


def test_right_angles_of_two_classes():
    # In each of the three kinds two entries with cosine 1 and S = 1, and two
    # with cosine 0 and S = 0: (log(1 + e^-s) + log 2) / 2.
    value = pair_likelihood(AXES, AXES, torch.tensor([0, 1]), 3.)
    assert value.item() == pytest.approx(
        (math.log(1 + math.exp(-3)) + math.log(2)) / 2)


def test_the_papers_scale_hardly_moves():
    same, rows = torch.tensor([0, 0]), torch.tensor([[1., 0], [1, 0]])
    best = pair_likelihood(rows, rows, same, .5).item()
    worst = pair_likelihood(rows, -rows, same, .5)
    assert best == pytest.approx(.474, abs=1e-3)
    # Of three kinds only image/text is at its worst, .974.
    assert worst.item() == pytest.approx((.974 + 2 * .474) / 3, abs=1e-3)


def test_multi_hot_labels_of_one_class_are_that_class():
    rows, label = torch.randn(6, 4), torch.tensor([0, 1, 2, 0, 1, 2])
    torch.testing.assert_close(
        pair_likelihood(rows, rows.flip(0), label),
        pair_likelihood(rows, rows.flip(0), torch.eye(3)[label]))


def test_large_scales_have_finite_gradients():
    image = torch.randn(4, 3, requires_grad=True)
    pair_likelihood(image, torch.randn(4, 3), torch.arange(4), 1e4).backward()
    assert image.grad.isfinite().all()


def test_the_module_weights_it():
    label = torch.tensor([0, 1])
    torch.testing.assert_close(
        PairLikelihoodLoss(2., .5)(AXES, AXES, label),
        .5 * pair_likelihood(AXES, AXES, label, 2.))


def test_refusals():
    with pytest.raises(ValueError, match=r'\(2, 2\) and \(3, 2\)'):
        pair_likelihood(AXES, torch.ones(3, 2), torch.arange(2))
    with pytest.raises(ValueError, match='scale must be positive'):
        PairLikelihoodLoss(-1.)
