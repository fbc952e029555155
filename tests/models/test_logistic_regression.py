"""The solver of the logistic regression."""
import numpy as np
import pytest
import torch
from closed_forms import pairs, prepared

from chtn_plugin.models.logistic_regression import logistic_regression


@pytest.mark.parametrize('classes', [2, 3])
def test_the_gradient_of_the_stated_objective_is_zero(classes):
    image, _, label = pairs()
    rows = torch.tensor(prepared(image))
    shares = torch.nn.functional.one_hot(label % classes, classes).double()
    weight, bias = (torch.tensor(value, requires_grad=True) for value in
                    logistic_regression(rows.numpy(), shares.numpy(), 3.,
                                        5000))
    value = weight.square().sum() / 2 - 3 * (
        shares * (rows @ weight + bias).log_softmax(1)).sum()
    value.backward()
    assert weight.grad.abs().max() < .02
    assert bias.grad.abs().max() < .02


def test_half_a_class_counts_half():
    # One point of two classes: the odds of the shares are those of the model,
    # as the bias is not regularised.
    weight, bias = logistic_regression(
        np.zeros((2, 1)), np.array([[.25, .75], [.25, .75]]), 1.)
    assert bias[1] - bias[0] == pytest.approx(np.log(3), abs=1e-3)


@pytest.mark.parametrize('classes', [2, 4])
def test_it_is_scikit_learns(classes):
    linear_model = pytest.importorskip('sklearn.linear_model')
    rng = np.random.default_rng(0)
    rows, label = rng.normal(size=(60, 5)), rng.integers(classes, size=60)
    weight, bias = logistic_regression(rows, np.eye(classes)[label], .5)
    # For two classes scikit-learn has one vector w, where the softmax has
    # -w/2 and w/2, whose squares sum to half as much.
    expected = linear_model.LogisticRegression(
        C=.5 * (2 if classes == 2 else 1), tol=1e-8, max_iter=1000).fit(
        rows, label).predict_proba(rows)
    scores = rows @ weight + bias
    odds = np.exp(scores)
    np.testing.assert_allclose(odds / odds.sum(1, keepdims=True), expected,
                               atol=2e-3)


def test_a_row_of_weight_0_says_nothing():
    rng = np.random.default_rng(0)
    rows, shares = rng.normal(size=(8, 2)), np.eye(2)[[0, 1] * 4]
    alone = logistic_regression(rows, shares, 2.)
    joined = logistic_regression(
        np.concatenate([rows, np.full((1, 2), 9.)]),
        np.concatenate([shares, np.zeros((1, 2))]), 2.)
    for one, other in zip(alone, joined, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
