"""A logistic regression of each modality, averaged with a network."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from mmengine.registry import MODELS
from torch import Tensor

from .centroid_kernel import cluster_centroids, kernel_least_squares
from .closed_form_posterior import ABSENT
from .fitted_state import FittedState
from .kernels import rbf_kernel
from .logistic_regression import logistic_regression
from .pair_teaching import Teaching, taught_regressions
from .supervision import class_shares

# Least squares answer with shares of a class: over this they are logits.
_TEMPERATURE = 0.1


@MODELS.register_module()
class ClassRegression(FittedState):
    r"""Class scores of a logistic regression, averaged with a network's.

    On vectors of a good encoder a linear classifier is hard to beat where
    pairs are few, and a network where they are many; the mean of both scores
    is near the better one either way (docs/results.md). With the network's
    :math:`z` the scores of a picture, or of a text, are

    .. math:: (1 - s)\, z + s\, (W x + b)

    Both are trained apart: :meth:`fit` solves the regression once, on the
    labelled training rows, and the network's losses see its own scores.

    With ``centroids``, half of the regression's part are the scores of least
    squares to the classes under a Gaussian kernel with the centroids of so
    many clusters of training rows
    (:func:`~chtn_plugin.models.centroid_kernel.kernel_least_squares`), which
    follow what no plane parts. It takes a thousand labelled rows to gain
    (docs/results.md).

    With ``pairs``, training pairs that have no class teach the regressions,
    as they teach the network: the pair teacher in closed form, see
    :func:`~chtn_plugin.models.pair_teaching.taught_regressions`.

    Args:
        share: The regression's share s, in 0 to 1.
        strength: Inverse of its regularisation, where rows are centred and
            their mean square length is 1.
        max_iter: Most steps of the solver.
        pairs: Whether pairs without a class teach, in data of one class a
            pair.
        centroids: Clusters of the kernel; 0: no kernel.
        gamma: Inverse squared width of the kernel, of rows as above.
        ridge: Weight of the squared norm of its solution.

    Raises:
        ValueError: An option is out of its range, or pairs are to teach
            beside a kernel.
    """

    def __init__(self,
                 share: float = 0.7,
                 strength: float = 10.0,
                 max_iter: int = 300,
                 pairs: bool = False,
                 centroids: int = 0,
                 gamma: float = 1.0,
                 ridge: float = 0.3) -> None:
        super().__init__()
        if not 0 <= share <= 1:
            raise ValueError(f'share must lie in 0 to 1, got {share}')
        if strength <= 0 or max_iter < 1:
            raise ValueError('strength and max_iter must be positive, got '
                             f'{strength} and {max_iter}')
        if centroids < 0 or min(gamma, ridge) <= 0:
            raise ValueError('centroids must be at least 0, gamma and ridge '
                             f'positive, got {centroids}, {gamma} and {ridge}')
        if pairs and centroids:
            raise ValueError('pairs without a class teach a linear regression '
                             'alone: with pairs=True centroids must be 0, got '
                             f'{centroids}')
        self.centroids = centroids
        self.gamma = gamma
        self.ridge = ridge
        self.share = share
        self.strength = strength
        self.max_iter = max_iter
        self.pairs = pairs

    def fit(self, image: Tensor, text: Tensor, label: Tensor,
            num_classes: int,
            offsets: tuple[Tensor | float, Tensor | float] = (0., 0.)
            ) -> None:
        """Solve both regressions.

        Args:
            image: Vectors of N training images, (N, D), labelled or not.
            text: Vectors of their texts, (N, E).
            label: Class of each row, (N,), -1 where it is unknown; or
                multi-hot (N, C), all 0 or NaN where it is.
            num_classes: Number C of classes.
            offsets: Priors of both sides' scores, (N, C) each, where pairs
                teach.

        Raises:
            ValueError: No row has a class, a number is not finite, or pairs
                are to teach classes of which a pair has several.
        """
        shares = class_shares(label, len(image), num_classes)
        known, present = (np.asarray(shares.any(axis)) for axis in (1, 0))
        if not known.any():
            raise ValueError('a class regression needs rows with a class: '
                             f'none of the {len(image)} training rows has '
                             'one')
        kept: dict[str, np.ndarray] = {}
        prepared: list[tuple[np.ndarray, np.ndarray, float]] = []
        for name, features in (('image', image), ('text', text)):
            rows = features.double().cpu().numpy()
            if not np.isfinite(rows).all():
                raise ValueError(f'vectors of the {name}s must be finite')
            mean = rows.mean(0)
            scale = np.sqrt(np.square(rows - mean).sum(1).mean()) or 1.
            prepared.append(((rows - mean) / scale, mean, scale))
        solved = (self._taught(prepared[0][0], prepared[1][0], label,
                               present, offsets) if self.pairs else
                  [logistic_regression(rows[known], shares[known][:, present],
                                       self.strength, self.max_iter)
                   for rows, _, _ in prepared])
        for name, (_, mean, scale), (weight, bias) in zip(
                ('image', 'text'), prepared, solved, strict=True):
            whole = np.zeros((len(mean), num_classes))
            whole[:, present] = weight / scale
            offset = np.full(num_classes, ABSENT)
            offset[present] = bias - mean @ weight / scale
            kept |= {f'{name}_weight': whole, f'{name}_bias': offset}
        if self.centroids:
            for name, (rows, mean, scale) in zip(('image', 'text'), prepared,
                                                 strict=True):
                centroids = cluster_centroids(rows, self.centroids)
                kept |= {
                    f'{name}_mean': mean, f'{name}_scale': np.array(scale),
                    f'{name}_centroids': centroids,
                    f'{name}_kernel': kernel_least_squares(
                        rows[known], shares[known], centroids, self.gamma,
                        self.ridge) / _TEMPERATURE}
        self.keep(kept)

    def _taught(self, image: np.ndarray, text: np.ndarray, label: Tensor,
                present: np.ndarray,
                offsets: tuple[Tensor | float, Tensor | float]
                ) -> Sequence[tuple[np.ndarray, np.ndarray]]:
        if label.dim() != 1:
            raise ValueError('pairs teach a class regression where a pair '
                             'has one class: these data have several')
        number = np.full(len(present) + 1, -1)
        number[:-1][present] = np.arange(present.sum())
        priors = [part.double().cpu().numpy()[:, present] if isinstance(
            part, Tensor) else part for part in offsets]
        return taught_regressions(
            image, text, number[label.cpu().numpy()], int(present.sum()),
            (priors[0], priors[1]),
            teaching=Teaching(strength=self.strength))

    def averaged(self, name: str, rows: Tensor, logits: Tensor,
                 offset: Tensor | float = 0.) -> Tensor:
        """Average a network's class scores with the regression's.

        Args:
            name: ``'image'`` or ``'text'``.
            rows: Vectors, (B, D).
            logits: The network's scores, (B, C).
            offset: Prior that the network's scores have, (B, C): those of a
                regression that pairs taught get it too.

        Returns:
            (B, C) float32.

        Raises:
            ValueError: It has not been fitted.
        """
        if not len(self):
            raise ValueError('a class regression must be fitted before it is '
                             "used: custom_hooks needs dict(type='FitHook')")
        # In float32: half precision would solve a different problem.
        with torch.autocast(rows.device.type, enabled=False):
            scores = (rows.float() @ self[f'{name}_weight']
                      + self[f'{name}_bias'])
            if self.centroids:
                scores = (scores + self._kernel_scores(name, rows.float())) / 2
            if self.pairs:
                scores = scores + offset
            return (1 - self.share) * logits.float() + self.share * scores

    def _kernel_scores(self, name: str, rows: Tensor) -> Tensor:
        scaled = (rows - self[f'{name}_mean']) / self[f'{name}_scale']
        return rbf_kernel(scaled, self[f'{name}_centroids'],
                          self.gamma) @ self[f'{name}_kernel']
