"""Update weights in one kernel where optimizer and device have it."""
from __future__ import annotations

import inspect
import logging
from collections.abc import Iterable, Mapping
from typing import Any, Optional

import torch
from mmengine.logging import print_log
from mmengine.optim import DefaultOptimWrapperConstructor, OptimWrapper
from mmengine.registry import OPTIM_WRAPPER_CONSTRUCTORS, OPTIMIZERS
from torch import Tensor, nn

# Each of them says how an update is computed: torch takes only one.
_WAYS = ('fused', 'foreach', 'differentiable', 'capturable')


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class FusedOptimWrapperConstructor(DefaultOptimWrapperConstructor):
    """MMEngine's constructor, with ``fused=True`` for the optimizer.

    A fused update reads and writes each weight once instead of once for
    every operation. Its numbers are those of the plain update; on a CPU the
    last few of a parameter, which do not fill a vector register, may be
    rounded another way (SGD), or all of them (Adam, AdamW).

    A configuration that names ``fused``, ``foreach``, ``differentiable`` or
    ``capturable`` itself is left as it is. Where the optimizer has no such
    update, or not for the parameters' device and type, the log says so and
    the plain update is used.

    Args:
        optim_wrapper_cfg: As in ``DefaultOptimWrapperConstructor``.
        paramwise_cfg: As in ``DefaultOptimWrapperConstructor``.
    """

    def __init__(self, optim_wrapper_cfg: dict,
                 paramwise_cfg: Optional[dict] = None) -> None:
        self.optimizer_cfg: dict[str, Any]
        super().__init__(optim_wrapper_cfg, paramwise_cfg)

    def __call__(self, model: nn.Module) -> OptimWrapper:
        """Build the optimizer and its wrapper for the weights of a model."""
        if not any(way in self.optimizer_cfg for way in _WAYS):
            reason = why_not_fused(self.optimizer_cfg, model.parameters())
            if reason is None:
                self.optimizer_cfg = dict(self.optimizer_cfg, fused=True)
            else:
                print_log(f'weights are updated without fused=True: {reason}',
                          logger='current', level=logging.INFO)
        return super().__call__(model)


def why_not_fused(optimizer: Mapping[str, Any],
                  parameters: Iterable[Tensor]) -> Optional[str]:
    """Say why an optimizer cannot update parameters in one kernel.

    Args:
        optimizer: Its configuration.
        parameters: What it is to update; those without gradient are passed
            by.

    Returns:
        The reason. None: it can.
    """
    kind = optimizer['type']
    cls = OPTIMIZERS.get(kind) if isinstance(kind, str) else kind
    if cls is None or 'fused' not in inspect.signature(cls).parameters:
        return f'{kind} has no such option'
    options = {key: value for key, value in optimizer.items()
               if key not in ('type', '_scope_')}
    places = dict.fromkeys((p.device, p.dtype) for p in parameters
                           if p.requires_grad)
    for device, dtype in places:
        if not _agrees(cls, options, device, dtype):
            return f'{cls.__name__} has it not for {dtype} on {device.type}'
    return None


def _agrees(optimizer: Any, options: Mapping[str, Any],
            device: torch.device, dtype: torch.dtype) -> bool:
    """Whether a fused step is there and does what the plain one does.

    Taking one is the only sure way to know. Torch's own list of devices is
    private, and its check may wait for the first step; and on a CPU torch
    2.13 takes float16 and bfloat16 weights for fused SGD with momentum, but
    leaves all that fill a vector register as they are.
    """
    stepped = []
    for fused in (False, True):
        # One more than fills the registers of any processor.
        weight = nn.Parameter(torch.zeros(129, device=device, dtype=dtype))
        weight.grad = torch.ones_like(weight)
        try:
            optimizer([weight], **dict(options, lr=0.5), fused=fused).step()
        except (RuntimeError, NotImplementedError):
            return False
        stepped.append(weight.detach())
    plain, one_kernel = stepped
    return torch.allclose(plain, one_kernel, rtol=1e-2)
