"""Take batch statistics over all ranks while training."""
from __future__ import annotations

from typing import Any

from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from ....models.global_batch_norm import batch_norms, normalize_globally


@HOOKS.register_module()
class GlobalBatchNormHook(Hook):
    """Normalises over the mixed batch of all ranks, on CPU and GPU.

    The released method normalises the source and target images of one batch
    of 64 + 64. On several ranks each normalises over its own share, unless
    this stands in ``custom_hooks``. It takes two small reductions a layer and
    direction. On GPUs ``sync_bn='torch'`` in the configuration does the same
    with fused kernels.
    """
    priority = 'HIGH'

    def before_train(self, runner: Any) -> None:
        """Change the layers in place; weights and names stay."""
        for module in batch_norms(runner.model):
            normalize_globally(module)
