"""Supervised contrast against values worked out by hand."""
import math

import pytest
import torch

from chtn_plugin.losses import SupervisedContrastLoss, supervised_contrast

AXES = torch.eye(2)


def test_two_classes_at_right_angles():
    # Four rows; each has one positive at cosine 1, two others at cosine 0:
    # -log(e^(1/t) / (e^(1/t) + 2)).
    value = supervised_contrast(AXES, AXES, torch.tensor([0, 1]), .5)
    assert value.item() == pytest.approx(math.log(1 + 2 * math.exp(-2)))


def test_equal_rows_give_the_log_of_the_others():
    rows = torch.ones(3, 4)
    value = supervised_contrast(rows, rows, torch.tensor([0, 1, 0]), .1)
    assert value.item() == pytest.approx(math.log(5))


def test_multi_hot_labels_of_one_class_are_that_class():
    rows, label = torch.randn(6, 4), torch.tensor([0, 1, 2, 0, 1, 2])
    torch.testing.assert_close(
        supervised_contrast(rows, rows.flip(0), label),
        supervised_contrast(rows, rows.flip(0), torch.eye(3)[label]))


def test_length_does_not_count():
    image, text = torch.randn(2, 5, 3)
    label = torch.tensor([0, 0, 1, 1, 2])
    torch.testing.assert_close(
        supervised_contrast(image, text, label),
        supervised_contrast(7 * image, text / 9, label))


def test_gradients_are_finite():
    image = torch.randn(4, 3, requires_grad=True)
    supervised_contrast(image, torch.randn(4, 3), torch.arange(4),
                        .05).backward()
    assert image.grad.isfinite().all() and image.grad.abs().sum() > 0


def test_the_module_weights_it():
    label = torch.tensor([0, 1])
    torch.testing.assert_close(
        SupervisedContrastLoss(.2, 3.)(AXES, AXES, label),
        3 * supervised_contrast(AXES, AXES, label, .2))


def test_refusals():
    with pytest.raises(ValueError, match=r'\(2, 2\) and \(3, 2\)'):
        supervised_contrast(AXES, torch.ones(3, 2), torch.arange(2))
    with pytest.raises(ValueError, match='temperature must be positive'):
        SupervisedContrastLoss(0.)
