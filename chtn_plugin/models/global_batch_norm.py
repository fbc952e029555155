"""Normalise batches over all ranks together, on CPU and GPU."""
from __future__ import annotations

from typing import Any

import torch
import torch.distributed
from mmengine.dist import get_world_size
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.modules.batchnorm import _BatchNorm


def normalize_globally(module: _BatchNorm) -> _BatchNorm:
    """Let a BN layer take the statistics of the whole batch while it trains.

    On several ranks the layer equals one process's on the concatenated
    batch, in value and gradient. torch's ``SyncBatchNorm`` does the same on a
    GPU only. Weights, buffers and their names stay.

    Args:
        module: The layer; it is changed.

    Returns:
        The layer.
    """
    plain = type(module).forward

    def forward(features: Tensor) -> Tensor:
        if not module.training or get_world_size() == 1:
            return plain(module, features)
        return _normalize(module, features)
    setattr(module, 'forward', forward)  # noqa: B010
    return module


def _normalize(module: _BatchNorm, features: Tensor) -> Tensor:
    """As ``nn.BatchNorm``; features (B, D, ...), any number a rank."""
    # Half precision would lose the mean of many values.
    wide = features.float() if features.dtype != torch.float64 else features
    dims = [0, *range(2, wide.dim())]
    shape = [1, -1] + [1] * (wide.dim() - 2)
    number = wide.new_full((1, ), wide.numel() / wide.shape[1])
    sums = _SumOverRanks.apply(torch.cat([wide.sum(dims), number]))
    mean = sums[:-1] / sums[-1]
    centred = wide - mean.view(shape)
    variance = _SumOverRanks.apply(centred.square().sum(dims)) / sums[-1]
    if module.track_running_stats:
        assert module.num_batches_tracked is not None
        assert module.running_mean is not None
        assert module.running_var is not None
        module.num_batches_tracked.add_(1)
        share = module.momentum
        if share is None:
            share = 1 / float(module.num_batches_tracked)
        with torch.no_grad():
            n = sums[-1]
            module.running_mean.lerp_(mean.to(module.running_mean), share)
            module.running_var.lerp_(
                (variance * n / (n - 1)).to(module.running_var), share)
    normal = centred * (variance + module.eps).rsqrt().view(shape)
    if module.affine:
        normal = normal * module.weight.view(shape) + module.bias.view(shape)
    return normal.to(features.dtype)


class _SumOverRanks(torch.autograd.Function):
    """A sum whose gradient is the sum of the ranks' gradients."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        total = values.clone()
        torch.distributed.all_reduce(total)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        total = grad.clone()
        torch.distributed.all_reduce(total)
        return total


def batch_norms(model: nn.Module) -> list[_BatchNorm]:
    """Return all batch normalisation layers of a model."""
    return [module for module in model.modules()
            if isinstance(module, _BatchNorm)]
