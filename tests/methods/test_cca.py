"""Canonical correlation analysis as a method."""
import numpy as np
import pytest
import torch
from closed_forms import made, pairs


def test_the_first_direction_correlates_as_scikit_learns():
    from sklearn.cross_decomposition import CCA
    image, text, _ = pairs()
    model = made('CCA', ridge=1e-9, power=0)
    model.fit(image, text)
    mine = (model.encode_image(image).repr[:, 0],
            model.encode_text(text).repr[:, 0])
    theirs = CCA(1, max_iter=5000, tol=1e-10).fit_transform(
        image.numpy(), text.numpy())
    assert torch.corrcoef(torch.stack(mine))[0, 1].item() == pytest.approx(
        np.corrcoef(theirs[0][:, 0], theirs[1][:, 0])[0, 1], abs=1e-4)


def test_at_most_so_many_dimensions_are_kept():
    image, text, _ = pairs()
    model = made('CCA', dimensions=2)
    model.fit(image, text)
    assert model.encode_text(text).repr.shape == (60, 2)


def test_no_dimension_is_refused():
    with pytest.raises(ValueError, match='dimensions and principal'):
        made('CCA', dimensions=0)
