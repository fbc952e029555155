"""Train in mixed precision (bfloat16) on a CPU."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Optional

import torch
from mmengine.optim import OptimWrapper
from mmengine.registry import OPTIM_WRAPPERS
from torch import nn
from torch.optim import Optimizer


@OPTIM_WRAPPERS.register_module()
class CPUAmpOptimWrapper(OptimWrapper):
    """Runs the forward pass in bfloat16 where that is safe, on a CPU.

    MMEngine's ``AmpOptimWrapper`` insists on a GPU. bfloat16 has the range
    of float32, so no loss scaling is needed; weights, gradients, the transfer
    losses and the cross entropies stay in float32. It pays where the CPU has
    bfloat16 units.

    Args:
        optimizer: The optimizer.
        accumulative_counts: Iterations that one update gathers.
        clip_grad: As in MMEngine's ``OptimWrapper``.
    """

    def __init__(self, optimizer: Optimizer, accumulative_counts: int = 1,
                 clip_grad: Optional[dict] = None) -> None:
        super().__init__(optimizer, accumulative_counts, clip_grad)

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[Any]:
        """Entered around the forward pass."""
        with super().optim_context(model), torch.autocast(
                'cpu', dtype=torch.bfloat16):
            yield
