"""Least squares under a Gaussian kernel, through the centroids of clusters."""
from __future__ import annotations

import warnings

import numpy as np

# Rows that are clustered at most, and rows whose kernel is held at once.
_CLUSTERED, _CHUNK = 20_000, 8192
_ITERATIONS = 5
# Directions of the centroids' kernel below this share of the largest are
# noise of rounding.
_LEAST = 1e-6


def cluster_centroids(rows: np.ndarray, count: int) -> np.ndarray:
    """Means of the clusters that have two rows at least, (M, D) float64.

    k-means of SciPy, the same at every call. The mean of a single row would be
    that row; without it no training row is kept.

    Args:
        rows: (N, D), N at least 2.
        count: How many clusters; at most half as many as rows, so that one
            has two.
    """
    from scipy.cluster.vq import kmeans2
    drawn = np.random.default_rng(0)
    if len(rows) > _CLUSTERED:
        rows = rows[np.sort(drawn.choice(len(rows), _CLUSTERED, False))]
    with warnings.catch_warnings():
        # A cluster may end empty, and is left out.
        warnings.simplefilter('ignore', UserWarning)
        centroids, member = kmeans2(
            rows, min(count, len(rows) // 2), iter=_ITERATIONS,
            minit='points', seed=drawn)
    sizes = np.bincount(member, minlength=len(centroids))
    return centroids[sizes > 1]


def gaussian_kernel(rows: np.ndarray, centroids: np.ndarray, gamma: float
                    ) -> np.ndarray:
    """Compute exp(-gamma |a - b|²) of (B, D) and (M, D), (B, M)."""
    square = (np.square(rows).sum(1)[:, None] + np.square(centroids).sum(1)
              - 2 * rows @ centroids.T)
    return np.exp(-gamma * np.maximum(square, 0))


def kernel_least_squares(rows: np.ndarray, shares: np.ndarray,
                         centroids: np.ndarray, gamma: float, ridge: float
                         ) -> np.ndarray:
    r"""Solve ridge regression to the classes on centroids' kernels.

    The Nyström approximation of kernel ridge regression, with k-means
    centroids as landmarks (Zhang et al., "Improved Nyström low-rank
    approximation and error analysis", ICML 2008).

    Args:
        rows: Labelled rows, (N, D).
        shares: Share of each class, (N, C).
        centroids: (M, D).
        gamma: Inverse squared width of the kernel.
        ridge: Weight of the squared norm of the solution.

    Returns:
        (M, C): a row's scores, less the classes' mean shares, are its kernels
        with the centroids times this.
    """
    values, vectors = np.linalg.eigh(gaussian_kernel(centroids, centroids,
                                                     gamma))
    kept = values > _LEAST * values[-1]
    root = vectors[:, kept] / np.sqrt(values[kept])
    gram = ridge * np.eye(root.shape[1])
    sums = np.zeros((root.shape[1], shares.shape[1]))
    centred = shares - shares.mean(0)
    for start in range(0, len(rows), _CHUNK):
        part = slice(start, start + _CHUNK)
        features = gaussian_kernel(rows[part], centroids, gamma) @ root
        gram += features.T @ features
        sums += features.T @ centred[part]
    return root @ np.linalg.solve(gram, sums)
