"""Canonical correlation, against scikit-learn and by hand."""
import numpy as np
import pytest

from chtn_plugin.models.canonical import (
    canonical_directions,
    check_options,
    principal_axes,
)


def two_views(noise=.5):
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(200, 2))
    views = [np.concatenate([shared @ rng.normal(size=(2, 3)) +
                             noise * rng.normal(size=(200, 3)),
                             rng.normal(size=(200, 1))], 1)
             for _ in range(2)]
    return [view - view.mean(0) for view in views]


def test_two_views_correlate_as_in_scikit_learn():
    from sklearn.cross_decomposition import CCA
    one, other = two_views()
    mine = [view @ weight for view, weight in zip(
        (one, other), canonical_directions((one, other), 2, 1e-9, 0),
        strict=True)]
    theirs = CCA(2, max_iter=5000, tol=1e-10).fit_transform(one, other)
    for place in range(2):
        expected = np.corrcoef(theirs[0][:, place], theirs[1][:, place])[0, 1]
        found = np.corrcoef(mine[0][:, place], mine[1][:, place])[0, 1]
        assert found == pytest.approx(expected, abs=1e-4)


def test_directions_are_scaled_by_their_correlation():
    one, other = two_views()
    plain = canonical_directions((one, other), 2, 1e-9, 0)
    scaled = canonical_directions((one, other), 2, 1e-9, 1)
    correlation = np.corrcoef(one @ plain[0][:, 0],
                              other @ plain[1][:, 0])[0, 1]
    np.testing.assert_allclose(scaled[0][:, 0], plain[0][:, 0] * correlation,
                               rtol=1e-6)


def test_a_view_and_itself_correlate_by_1_over_1_plus_ridge():
    # One column of variance v: S = v [[1, 1], [1, 1]], B = v (1 + r) I, so
    # that the largest λ = 2 / (1 + r), and λ - 1 = (1 - r) / (1 + r).
    view = np.array([[1.], [-1.], [2.], [-2.]])
    plain, = canonical_directions((view, view), 1, .5, 0)[0]
    scaled, = canonical_directions((view, view), 1, .5, 1)[0]
    assert scaled[0] / plain[0] == pytest.approx(.5 / 1.5)


def test_principal_axes_point_along_the_variance():
    rows = np.array([[3., 0, 0], [-3, 0, 0], [0, 1, 0], [0, -1, 0]])
    axes = principal_axes(rows, 5)
    np.testing.assert_allclose(np.abs(axes), [[1, 0], [0, 1], [0, 0]],
                               atol=1e-9)


def test_principal_axes_of_few_rows_are_the_same():
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(4, 9))
    rows -= rows.mean(0)
    axes = principal_axes(rows, 9)
    assert axes.shape == (9, 3)
    np.testing.assert_allclose(rows @ axes @ axes.T, rows, atol=1e-9)


@pytest.mark.parametrize('options', [
    (0, 1, 1., 0.), (1, 0, 1., 0.), (1, 1, 0., 0.), (1, 1, 1., -1.)])
def test_options_out_of_their_range_are_refused(options):
    check_options(1, 1, .1, 0.)
    with pytest.raises(ValueError, match=(
            'dimensions and principal must be at least 1, ridge positive')):
        check_options(*options)
