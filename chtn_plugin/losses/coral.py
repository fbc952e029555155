"""CORAL: the distance between the covariances of two domains."""
from __future__ import annotations

import torch
from mmengine.registry import MODELS
from torch import Tensor, nn


def coral_distance(source: Tensor, target: Tensor) -> Tensor:
    r"""Compute the squared distance of two covariances, scaled by their size.

    Deep CORAL (https://arxiv.org/abs/1607.01719), equation 1:

    .. math::
        \frac{1}{4 D^2} \lVert C_s - C_t \rVert_F^2

    with the unbiased covariances C (divided by n − 1).

    Args:
        source: Features of the source domain, (S, D), S at least 2.
        target: Features of the target domain, (T, D), T at least 2.

    Returns:
        Scalar, at least 0.

    Raises:
        ValueError: The feature sizes differ, or a batch has one row.
    """
    if source.shape[1:] != target.shape[1:] or source.dim() != 2:
        raise ValueError('source and target must be (N, D) of one feature '
                         f'size, got {tuple(source.shape)} and '
                         f'{tuple(target.shape)}')
    if min(len(source), len(target)) < 2:
        raise ValueError('a covariance needs two rows at least, got '
                         f'{len(source)} and {len(target)}')
    with torch.autocast(source.device.type, enabled=False):
        difference = _covariance(source) - _covariance(target)
        return difference.square().sum() / (4 * source.shape[1]**2)


def _covariance(rows: Tensor) -> Tensor:
    rows = rows.to(torch.promote_types(rows.dtype, torch.float32))
    centred = rows - rows.mean(0)
    return centred.T @ centred / (len(rows) - 1)


@MODELS.register_module()
class CORALLoss(nn.Module):
    """Weighted :func:`coral_distance`, an alternative to MMD.

    Args:
        loss_weight: Factor on the value.
    """

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """Compute the weighted distance of (S, D) and (T, D), a scalar."""
        return self.loss_weight * coral_distance(source, target)
