"""Gather features of all ranks, for losses that compare samples."""
from __future__ import annotations

from typing import Any, Optional

import torch
import torch.distributed
from mmengine.dist import get_rank, get_world_size
from torch import Tensor
from torch.autograd.function import once_differentiable

from .host_gathering import all_gather_numbers


def gather_rows(*features: Tensor, counts: Optional[list[list[int]]] = None
                ) -> tuple[Tensor, ...]:
    """Gather the rows of all ranks, with gradients for this rank's own.

    For a loss that every rank computes from the same gathered rows, under
    DistributedDataParallel, which averages gradients over W ranks: each rank
    gets W times the gradient of its own rows, so that the average is the
    gradient of one process on the concatenated batch. No communication is
    needed backward.

    Args:
        features: Batches (B, D) of one D; each has as many rows on every
            rank.
        counts: What :func:`row_counts` says of them. None: it is asked.

    Returns:
        The batches, (W * B, D) each. On one rank, as they are.

    Raises:
        ValueError: The ranks hold different numbers of rows; every rank
            raises it, before any row is sent.
    """
    if get_world_size() == 1:
        return features
    sizes = [len(batch) for batch in features]
    counts = counts or row_counts(*features)
    if any(held != counts[0] for held in counts):
        raise ValueError(
            'a loss over the rows of all ranks needs as many rows of one size '
            'on every rank, got ' + '; '.join(
                f'rank {rank}: {", ".join(map(str, held[:-1]))} rows of '
                f'{held[-1]}' for rank, held in enumerate(counts)))
    rows = _GatherRows.apply(torch.cat(features))
    by_rank = rows.view(get_world_size(), sum(sizes), -1)
    return tuple(part.flatten(0, 1)
                 for part in by_rank.split(sizes, dim=1))


def row_counts(*features: Tensor) -> list[list[int]]:
    """Count the rows of each batch on each rank, and give their size last.

    To be agreed on before rows are gathered: a gather of unequal shares ends
    one rank and leaves the others with wrong rows, or waiting. The hosts
    know these numbers, so that they are agreed on without their GPUs.
    """
    return all_gather_numbers([*map(len, features), features[0].shape[1]])


class _GatherRows(torch.autograd.Function):

    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        shares = [torch.empty_like(rows) for _ in range(get_world_size())]
        torch.distributed.all_gather(shares, rows.contiguous())
        ctx.count = len(rows)
        return torch.cat(shares)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        first = get_rank() * ctx.count
        return grad[first:first + ctx.count] * get_world_size()


@torch.no_grad()
def mean_square_distance(rows: Tensor) -> Tensor:
    """Average squared distances between different rows of all ranks, O(n D).

    The sum over all pairs of ||a - b||² is 2n times the sum of squares less
    2 times the square of the sum. Summed in float64, since these cancel.

    Args:
        rows: This rank's rows, (B, D); ranks may have different numbers.

    Returns:
        Scalar of float64, whose range no square of float32 leaves; the same
        on every rank.
    """
    wide = rows.detach().double()
    sums = torch.cat([wide.sum(0), wide.square().sum()[None],
                      wide.new_full((1, ), len(rows))])
    if get_world_size() > 1:
        torch.distributed.all_reduce(sums)
    total, squares, n = sums[:-2], sums[-2], sums[-1]
    distance = 2 * (n * squares - total.square().sum())
    return distance / (n * (n - 1))
