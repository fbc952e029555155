"""Find which rows of a batch, over all ranks, share a class."""
from __future__ import annotations

from torch import Tensor

from .gathering import gather_rows


def same_class(label: Tensor) -> Tensor:
    """Say which rows of all ranks share a class.

    Args:
        label: Class numbers (B,), or multi-hot or shares (B, C).

    Returns:
        (N, N) bool, N = B times the ranks, in the order of
        :func:`~chtn_plugin.losses.gathering.gather_rows`.
    """
    rows = label.view(len(label), -1).double()
    gathered, = gather_rows(rows)
    if label.dim() == 1:
        return gathered == gathered.T
    return gathered @ gathered.T > 0


def gather_labels(label: Tensor) -> Tensor:
    """Gather class numbers (B,) or rows (B, C) of all ranks."""
    gathered, = gather_rows(label.view(len(label), -1).double())
    return gathered.view(-1, *label.shape[1:]).to(label.dtype)
