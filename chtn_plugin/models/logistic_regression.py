"""Multinomial logistic regression, solved by L-BFGS."""
from __future__ import annotations

import numpy as np

#: Largest slope of the mean cross entropy at which the solver stops.
_TOLERANCE = 1e-4


def logistic_regression(rows: np.ndarray, shares: np.ndarray,
                        strength: float, max_iter: int = 300
                        ) -> tuple[np.ndarray, np.ndarray]:
    r"""Minimise half the squared weights plus weighted cross entropies.

    .. math:: \tfrac12 \lVert W \rVert^2 + c \sum_n \sum_k s_{nk}
              (-\log \mathrm{softmax}(x_n W + b)_k)

    Args:
        rows: (L, D).
        shares: Share of each of S classes, (L, S).
        strength: The factor c.
        max_iter: Most steps.

    Returns:
        Weights (D, S), bias (S,).
    """
    from scipy.optimize import minimize
    rows = np.ascontiguousarray(rows, np.float64)
    size, classes = rows.shape[1], shares.shape[1]
    totals = shares.sum(1, keepdims=True)
    # A mean has slopes of one size, however many rows there are.
    scale = strength * max(totals.sum(), 1e-12)

    def slope(point: np.ndarray) -> tuple[float, np.ndarray]:
        weight, bias = point[:-classes].reshape(size, classes), point[
            -classes:]
        scores = rows @ weight + bias
        scores -= scores.max(1, keepdims=True)
        odds = np.exp(scores)
        norm = odds.sum(1, keepdims=True)
        value = (totals * np.log(norm)).sum() - (shares * scores).sum()
        excess = totals * odds / norm - shares
        gradient = np.concatenate([
            (weight + strength * (rows.T @ excess)).ravel(),
            strength * excess.sum(0)])
        return ((np.square(weight).sum() / 2 + strength * value) / scale,
                gradient / scale)

    solved = minimize(slope, np.zeros((size + 1) * classes), jac=True,
                      method='L-BFGS-B', options=dict(
                          maxiter=max_iter, maxfun=2 * max_iter,
                          gtol=_TOLERANCE, ftol=1e-12)).x
    return solved[:-classes].reshape(size, classes), solved[-classes:]
