"""Kernel ridge regression to the classes."""
import numpy as np
import pytest
import torch
from closed_forms import made, pairs, prepared


def test_logits_solve_the_kernel_system():
    image, text, label = pairs()
    model = made('RBFLeastSquares', gamma=.4, ridge=.2, temperature=.5)
    model.fit(image, text, label)
    rows = prepared(image)
    kernel = np.exp(-.4 * ((rows[:, None] - rows)**2).sum(2))
    shares = np.eye(3)[label.numpy()]
    expected = kernel @ np.linalg.solve(
        kernel + .2 * np.eye(60), shares - shares.mean(0)) / .5
    np.testing.assert_allclose(model.encode_image(image).logits.numpy(),
                               expected, atol=1e-4)


def test_only_labelled_rows_are_kept():
    image, text, label = pairs()
    label[12:] = -1
    model = made('RBFLeastSquares')
    model.fit(image, text, label)
    assert model.fitted['image_rows'].shape == torch.Size([12, 6])


def test_a_width_that_is_not_positive_is_refused():
    with pytest.raises(ValueError, match='gamma, ridge and temperature'):
        made('RBFLeastSquares', gamma=-1.)
