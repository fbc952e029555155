"""The ridge map."""
import numpy as np
import pytest
import torch
from closed_forms import made, pairs, prepared


def test_the_map_solves_the_normal_equations():
    image, text, _ = pairs()
    model = made('RidgeMap', ridge=2.)
    model.fit(image, text)
    one, other = prepared(image), prepared(text)
    expected = one @ np.linalg.solve(one.T @ one + 2 * np.eye(6),
                                     one.T @ other)
    np.testing.assert_allclose(model.encode_image(image).repr.numpy(),
                               expected, atol=1e-5)


def test_texts_stay_where_they_are():
    image, text, _ = pairs()
    model = made('RidgeMap')
    model.fit(image, text)
    np.testing.assert_allclose(model.encode_text(text).repr.numpy(),
                               prepared(text), atol=1e-5)


def test_the_pair_of_an_image_is_found():
    image, _, _ = pairs()
    text = image[:, :5] + .05 * torch.randn(
        60, 5, generator=torch.Generator().manual_seed(0))
    model = made('RidgeMap')
    model.fit(image, text)
    one, other = (torch.nn.functional.normalize(rows) for rows in (
        model.encode_image(image).repr, model.encode_text(text).repr))
    assert ((one @ other.T).argmax(1) == torch.arange(60)).float().mean() > .9


def test_a_ridge_of_0_is_refused():
    with pytest.raises(ValueError, match='ridge must be positive'):
        made('RidgeMap', ridge=0.)
