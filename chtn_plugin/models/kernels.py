"""Compute kernels between new rows and stored training rows."""
from __future__ import annotations

import torch
from torch import Tensor

KERNELS = ('rbf', 'linear')


def rbf_kernel(rows: Tensor, kept: Tensor, gamma: float) -> Tensor:
    """Compute exp(-gamma |a - b|²) of (B, D) and (N, D), (B, N)."""
    square = (rows.square().sum(1)[:, None] + kept.square().sum(1)
              - 2 * rows @ kept.T)
    return torch.exp(-gamma * square.clamp(min=0))


def kernel_matrix(kernel: str, rows: Tensor, kept: Tensor,
                  gamma: float) -> Tensor:
    """Compute a kernel by name, of (B, D) and (N, D), (B, N).

    Args:
        kernel: One of ``KERNELS``.
        rows: New rows.
        kept: Training rows.
        gamma: Inverse squared width of the Gaussian.
    """
    if kernel == 'linear':
        return rows @ kept.T
    return rbf_kernel(rows, kept, gamma)
