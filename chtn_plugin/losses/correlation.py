"""Canonical correlation of a batch, which deep CCA maximises."""
from __future__ import annotations

import torch
from mmengine.registry import MODELS
from torch import Tensor, nn

from .gathering import gather_rows


def canonical_loss(image: Tensor, text: Tensor, ridge: float = 1e-3
                   ) -> Tensor:
    r"""Compute one minus the mean canonical correlation of a batch.

    Deep CCA (ICML 2013), equation 10: with the batch's covariances,

    .. math:: 1 - \frac{1}{D} \lVert (\Sigma_{uu} + rI)^{-1/2} \Sigma_{uv}
              (\Sigma_{vv} + rI)^{-1/2} \rVert_*

    Cholesky factors take the place of the square roots, which changes no
    singular value and has steadier gradients. In float64. On several ranks
    the batch is that of all ranks. It says something only where the batch
    has several times more rows than dimensions.

    Args:
        image: Image vectors, (B, D).
        text: Vectors of their texts, (B, D).
        ridge: r.

    Returns:
        Scalar, 0 (perfect correlation, no ridge) to 1.

    Raises:
        ValueError: The shapes differ, or the batch has not more rows than
            dimensions.
    """
    if image.shape != text.shape:
        raise ValueError('image and text must have the same shape, got '
                         f'{tuple(image.shape)} and {tuple(text.shape)}')
    with torch.autocast(image.device.type, enabled=False):
        one, other = gather_rows(image.double(), text.double())
        count, size = one.shape
        if count <= size:
            raise ValueError('a batch needs more rows than dimensions to '
                             f'correlate, got {count} rows of {size}')
        one, other = one - one.mean(0), other - other.mean(0)
        eye = ridge * torch.eye(size, dtype=one.dtype, device=one.device)
        factors = [torch.linalg.cholesky(rows.T @ rows / (count - 1) + eye)
                   for rows in (one, other)]
        cross = one.T @ other / (count - 1)
        cross = torch.linalg.solve_triangular(factors[0], cross, upper=False)
        cross = torch.linalg.solve_triangular(factors[1], cross.T,
                                              upper=False)
        return (1 - torch.linalg.svdvals(cross).mean()).float()


@MODELS.register_module()
class CanonicalLoss(nn.Module):
    """Weighted :func:`canonical_loss`.

    Args:
        ridge: Added to each variance.
        loss_weight: Factor on the value.

    Raises:
        ValueError: The ridge is not positive.
    """
    name = 'canonical'

    def __init__(self, ridge: float = 1e-3, loss_weight: float = 1.) -> None:
        super().__init__()
        if ridge <= 0:
            raise ValueError(f'ridge must be positive, got {ridge}')
        self.ridge = ridge
        self.loss_weight = loss_weight

    def forward(self, image: Tensor, text: Tensor) -> Tensor:
        """Compute the weighted loss of (B, D) vectors, a scalar."""
        return self.loss_weight * canonical_loss(image, text, self.ridge)
