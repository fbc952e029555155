"""Keep the optimizer step out of what torch.compile compiles."""
from __future__ import annotations

from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS


@HOOKS.register_module()
class CompiledForwardHook(Hook):
    """Keeps the optimizer out of what ``cfg.compile`` compiles.

    MMEngine's Runner compiles ``train_step`` as a whole. torch cannot trace
    an optimizer whose groups come from a configuration (``paramwise_cfg``),
    and would compile its step anew for every learning rate. The tools
    register this hook where ``compile`` is set; the forward pass, the losses
    and their gradients are compiled all the same.
    """

    def before_train(self, runner: Any) -> None:
        """Run the update as it stands."""
        wrapper = runner.optim_wrapper
        wrapper.update_params = torch.compiler.disable(wrapper.update_params)
