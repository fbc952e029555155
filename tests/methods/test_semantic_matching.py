"""Logistic regression of each modality."""
import numpy as np
import pytest
import torch
from closed_forms import made, pairs, prepared

from chtn_plugin.methods.semantic_matching import logistic_regression


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


def test_it_is_scikit_learns_of_prepared_rows():
    from sklearn.linear_model import LogisticRegression
    image, text, label = pairs()
    model = made('SemanticMatching', strength_text=2.)
    model.fit(image, text, label)
    expected = LogisticRegression(C=2., max_iter=300).fit(
        prepared(text), label.numpy()).predict_proba(prepared(text))
    np.testing.assert_allclose(model.encode_text(text).repr.numpy(),
                               expected, atol=1e-3)


def test_half_a_class_counts_half():
    # One point of two classes: the odds of the shares are those of the model,
    # as the bias is not regularised.
    weight, bias = logistic_regression(
        np.zeros((2, 1)), np.array([[.25, .75], [.25, .75]]), 1.)
    assert bias[1] - bias[0] == pytest.approx(np.log(3), abs=1e-3)


def test_one_class_is_refused():
    image, text, label = pairs()
    with pytest.raises(ValueError, match='two classes at least'):
        made('SemanticMatching').fit(image, text, label * 0)


def test_a_strength_that_is_not_positive_is_refused():
    with pytest.raises(ValueError, match='got 0 and 10'):
        made('SemanticMatching', strength_image=0)
