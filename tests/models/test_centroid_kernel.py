"""Least squares under a Gaussian kernel, through centroids."""
from __future__ import annotations

import numpy as np
import pytest

from chtn_plugin.models import centroid_kernel
from chtn_plugin.models.centroid_kernel import (
    cluster_centroids,
    gaussian_kernel,
    kernel_least_squares,
)


def blobs(count=40):
    """Four far blobs of equal rows but for a little noise."""
    rng = np.random.default_rng(0)
    place = np.array([[0., 0.], [9., 0.], [0., 9.], [9., 9.]])
    which = np.arange(count) % 4
    return place[which] + .01 * rng.standard_normal((count, 2)), which


def test_centroids_are_means_of_clusters():
    rows, which = blobs()
    found = cluster_centroids(rows, 4)
    # Start points may fall twice into a blob: each is in one all the same.
    for centroid in found:
        assert min(np.linalg.norm(centroid - rows[which == blob].mean(0))
                   for blob in range(4)) < 9
    assert (found == cluster_centroids(rows, 4)).all()


def test_no_centroid_is_a_training_row():
    rows = np.random.default_rng(1).standard_normal((30, 5))
    found = cluster_centroids(rows, 15)
    assert 0 < len(found) < 15
    assert np.abs(found[:, None] - rows).sum(2).min() > 1e-6


@pytest.mark.parametrize('count', [2, 3, 500])
def test_two_rows_have_a_centroid_whatever_is_asked_for(count):
    assert cluster_centroids(np.array([[0.], [2.]]), count).tolist() == [[1.]]


def test_few_of_many_rows_are_clustered(monkeypatch):
    monkeypatch.setattr(centroid_kernel, '_CLUSTERED', 8)
    assert len(cluster_centroids(np.arange(100.)[:, None], 50)) <= 4


def test_kernel_of_a_distance():
    found = gaussian_kernel(np.array([[0., 0.], [1., 1.]]),
                            np.array([[0., 2.]]), .5)
    assert found == pytest.approx(np.exp([[-2.], [-1.]]))


def test_with_the_rows_as_centroids_it_is_kernel_ridge_regression(monkeypatch):
    monkeypatch.setattr(centroid_kernel, '_CHUNK', 3)
    rng = np.random.default_rng(2)
    rows = rng.standard_normal((10, 3))
    shares = np.eye(2)[rng.integers(0, 2, 10)]
    found = kernel_least_squares(rows, shares, rows, .7, .2)
    kernel = gaussian_kernel(rows, rows, .7)
    dual = np.linalg.solve(kernel + .2 * np.eye(10), shares - shares.mean(0))
    assert kernel @ found == pytest.approx(kernel @ dual, abs=1e-8)


def test_equal_centroids_are_no_trouble():
    rows = np.array([[0.], [1.], [0.], [1.]])
    shares = np.eye(2)[[0, 1, 0, 1]]
    found = kernel_least_squares(rows, shares, rows, 1., .1)
    assert np.isfinite(found).all()
    assert (gaussian_kernel(rows, rows, 1.) @ found).argmax(1).tolist() == [
        0, 1, 0, 1]
