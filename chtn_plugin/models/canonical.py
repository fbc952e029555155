"""Compute canonical correlation directions of two or more views."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.linalg import eigh


def check_options(dimensions: int, principal: int, ridge: float,
                  power: float) -> None:
    """Check the options that all methods of canonical correlation have.

    Args:
        dimensions: Directions that are kept.
        principal: Principal components that a view is reduced to.
        ridge: Added to each view's covariance.
        power: By which directions are scaled.

    Raises:
        ValueError: One is out of its range.
    """
    if min(dimensions, principal) < 1 or ridge <= 0 or power < 0:
        raise ValueError(
            'dimensions and principal must be at least 1, ridge positive '
            f'and power not negative, got {dimensions}, {principal}, '
            f'{ridge} and {power}')


def principal_axes(rows: np.ndarray, limit: int) -> np.ndarray:
    """Compute the axes of the largest variance of centred rows.

    Args:
        rows: (N, D).
        limit: How many axes at most; those without variance are left out.

    Returns:
        Orthonormal columns, (D, P).
    """
    rows = rows - rows.mean(0)
    if rows.shape[0] < rows.shape[1]:
        _, spread, axes = np.linalg.svd(rows, full_matrices=False)
    else:
        square, axes = np.linalg.eigh(rows.T @ rows)
        spread = np.sqrt(np.maximum(square[::-1], 0))
        axes = axes.T[::-1]
    kept = min(limit, int((spread > 1e-6 * spread.max()).sum()))
    return axes[:max(kept, 1)].T


def canonical_directions(views: Sequence[np.ndarray], dimensions: int,
                         ridge: float | Sequence[float],
                         power: float) -> list[np.ndarray]:
    r"""Solve an eigenproblem for the directions in which all views correlate.

    With S the covariance of all views side by side and B its blocks on the
    diagonal, each with the ridge added, S w = λ B w. Of two views λ - 1 is
    the (regularised) canonical correlation.

    Args:
        views: Centred rows of each view, (N, D_v).
        dimensions: How many directions at most.
        ridge: Added to each block, in multiples of its mean variance; one
            for all views, or one for each.
        power: Directions are scaled by max(λ - 1, 0) to this power.

    Returns:
        Weights of each view, (D_v, K), the most correlated first.
    """
    rows = np.concatenate(views, 1)
    return directions_of_covariance(
        rows.T @ rows / len(rows), [view.shape[1] for view in views],
        dimensions, ridge, power)


def directions_of_covariance(joint: np.ndarray, sizes: Sequence[int],
                             dimensions: int,
                             ridge: float | Sequence[float],
                             power: float) -> list[np.ndarray]:
    """Solve as :func:`canonical_directions`, from the views' covariance.

    Args:
        joint: Covariance of all views side by side, (S, S).
        sizes: Size of each view; they sum to S.
        dimensions: As there.
        ridge: As there.
        power: As there.

    Returns:
        As there.
    """
    ends = np.cumsum([0, *sizes])
    within = np.zeros_like(joint)
    ridges = np.broadcast_to(ridge, len(sizes))
    for first, last, weight in zip(ends[:-1], ends[1:], ridges, strict=True):
        block = joint[first:last, first:last]
        mean = max(float(np.trace(block)) / len(block), 1e-12)
        within[first:last, first:last] = block + weight * mean * np.eye(
            len(block))
    count = min(dimensions, *sizes[:2])
    values, vectors = eigh(joint, within, subset_by_index=[
        len(joint) - count, len(joint) - 1])
    # A direction is defined up to its sign: largest weight positive, so that
    # the same rows give the same numbers on every machine.
    values, vectors = values[::-1], vectors[:, ::-1]
    largest = np.abs(vectors).argmax(0)
    vectors = vectors * np.sign(vectors[largest, range(count)])
    vectors = vectors * np.maximum(values - 1, 0) ** power
    return [vectors[first:last] for first, last in
            zip(ends[:-1], ends[1:], strict=True)]
