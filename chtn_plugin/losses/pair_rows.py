"""Check and prepare the vectors of pairs, for losses that compare them."""
from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .gathering import gather_rows


def check_pairs(image: Tensor, text: Tensor) -> None:
    """Refuse sides of pairs that cannot be compared row by row.

    Args:
        image: Image vectors, (B, D).
        text: Vectors of their texts, (B, D).

    Raises:
        ValueError: The shapes differ.
    """
    if image.shape != text.shape:
        raise ValueError('image and text must have the same shape, got '
                         f'{tuple(image.shape)} and {tuple(text.shape)}')


def in_float32(*rows: Tensor) -> list[Tensor]:
    """Convert rows to float32 at least: half precision loses differences."""
    return [each.to(torch.promote_types(each.dtype, torch.float32))
            for each in rows]


def unit_pairs(image: Tensor, text: Tensor) -> tuple[Tensor, ...]:
    """Bring the vectors of all ranks to length 1, in float32 at least.

    Args:
        image: Image vectors, (B, D).
        text: Vectors of their texts, (B, D).

    Returns:
        Both sides, (N, D), N = B times the ranks.
    """
    return gather_rows(*(F.normalize(each)
                         for each in in_float32(image, text)))
