"""Canonical correlation of a batch."""
import numpy as np
import pytest
import torch

from chtn_plugin.losses import CanonicalLoss, canonical_loss


def rows(size=3, count=40, seed=0):
    return torch.randn(count, size, generator=torch.Generator().manual_seed(
        seed), dtype=torch.float64)


def test_a_view_and_any_linear_map_of_it_correlate_perfectly():
    image = rows()
    assert canonical_loss(image, image @ rows(3, 3, 1) + 5, 1e-12
                          ).item() == pytest.approx(0, abs=1e-4)


def test_one_dimension_is_one_minus_the_absolute_correlation():
    image, noise = rows(1), rows(1, seed=2)
    text = -image + noise
    expected = np.corrcoef(image[:, 0], text[:, 0])[0, 1]
    assert canonical_loss(image, text, 1e-12).item() == pytest.approx(
        1 - abs(expected), abs=1e-5)


def test_it_is_the_mean_of_scikit_learns_correlations():
    from sklearn.cross_decomposition import CCA
    image, text = rows(2), rows(2, seed=2)
    text = text + image
    one, other = CCA(2, max_iter=10**4, tol=1e-12).fit_transform(
        image.numpy(), text.numpy())
    expected = np.mean([np.corrcoef(one[:, k], other[:, k])[0, 1]
                        for k in range(2)])
    assert canonical_loss(image, text, 1e-12).item() == pytest.approx(
        1 - expected, abs=1e-4)


def test_gradient_steps_raise_the_correlation():
    image, text = rows(), rows(seed=3) + rows()
    weight = torch.eye(3, dtype=torch.float64, requires_grad=True)
    shrink = torch.tensor([1., .1, .01], dtype=torch.float64)
    first = canonical_loss(image * shrink @ weight, text, .1)
    first.backward()
    assert weight.grad.isfinite().all()
    later = canonical_loss(
        image * shrink @ (weight - .5 * weight.grad).detach(), text, .1)
    assert later < first


def test_the_module_weights_it():
    image, text = rows(), rows(seed=4)
    torch.testing.assert_close(CanonicalLoss(.1, 3.)(image, text),
                               3 * canonical_loss(image, text, .1))


def test_refusals():
    with pytest.raises(ValueError, match='got 3 rows of 3'):
        canonical_loss(rows(3, 3), rows(3, 3))
    with pytest.raises(ValueError, match=r'\(40, 3\) and \(40, 2\)'):
        canonical_loss(rows(3), rows(2))
    with pytest.raises(ValueError, match='ridge must be positive'):
        CanonicalLoss(0.)
