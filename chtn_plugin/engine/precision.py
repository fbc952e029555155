"""Choose the mixed precision that fits the hardware at hand."""
from __future__ import annotations

import torch
from mmengine.config import Config


def use_mixed_precision(cfg: Config, kind: str = 'auto') -> None:
    """Set the optimizer wrapper that trains in mixed precision.

    The transfer losses and the cross entropies stay in float32 under any.

    Args:
        cfg: The configuration; its ``optim_wrapper`` is changed.
        kind: ``'fp16'``, ``'bf16'``, or ``'auto'``: fp16 with loss scaling
            on a GPU, bf16 on a CPU.

    Raises:
        ValueError: The hardware has no such precision, or the configuration
            has an optimizer wrapper of its own.
    """
    wrapper = cfg.optim_wrapper
    known = ('OptimWrapper', 'AmpOptimWrapper', 'CPUAmpOptimWrapper')
    if wrapper.get('type', 'OptimWrapper') not in known:
        raise ValueError('--amp needs an optim_wrapper of type '
                         f'{known[0]!r}, got {wrapper.type!r}')
    if not torch.cuda.is_available():
        if kind == 'fp16':
            raise ValueError('a CPU trains in bf16, not in fp16: --amp bf16')
        wrapper.type = 'CPUAmpOptimWrapper'
        for option in ('loss_scale', 'dtype'):
            wrapper.pop(option, None)
        return
    wrapper.type = 'AmpOptimWrapper'
    if kind == 'bf16':
        wrapper.dtype = 'bfloat16'
        # bfloat16 has the range of float32: nothing to scale.
        wrapper.loss_scale = dict(enabled=False)
    else:
        wrapper.dtype = 'float16'
        wrapper.loss_scale = 'dynamic'
