"""Name a loss for the log."""
from __future__ import annotations

from torch import nn


def loss_name(loss: nn.Module) -> str:
    """Return the short name of a loss module.

    Args:
        loss: Its attribute ``name``, if it has one, is the name; otherwise
            it is the class's, without ``Loss`` and in small letters.

    Returns:
        For instance ``'mmd'`` of ``MMDLoss``.
    """
    name = getattr(loss, 'name', None)
    return name or type(loss).__name__.removesuffix('Loss').lower()
