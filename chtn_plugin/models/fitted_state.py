"""Store the arrays that a closed form solves for among a model's weights."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


class FittedState(nn.Module):
    """Buffers whose names and shapes come from fitting, or a checkpoint.

    How many training rows a kernel method keeps, or which rank a covariance
    has, is not known when the model is built. So loading takes over whatever
    a checkpoint holds under this module's name, to where the module was moved
    while it was empty.
    """

    def __init__(self) -> None:
        super().__init__()
        self.device = torch.empty(0).device

    def _apply(self, fn: Callable[[Tensor], Tensor],
               recurse: bool = True) -> FittedState:
        super()._apply(fn, recurse)
        self.device = fn(torch.empty(0, device=self.device)).device
        return self

    def keep(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Replace all that is kept by these arrays, as float32."""
        self._buffers.clear()
        for name, array in arrays.items():
            self.register_buffer(name, torch.as_tensor(
                np.ascontiguousarray(array, np.float32), device=self.device))

    def __len__(self) -> int:
        return len(self._buffers)

    def __getitem__(self, name: str) -> Tensor:
        value = self._buffers[name]
        assert value is not None
        return value

    def __contains__(self, name: str) -> bool:
        return name in self._buffers

    def _load_from_state_dict(self, state_dict: Mapping[str, Any],
                              prefix: str, *args: Any) -> None:
        stored = {name[len(prefix):]: value for name, value
                  in state_dict.items() if name.startswith(prefix)}
        if stored:
            self._buffers.clear()
            for name, value in stored.items():
                self.register_buffer(name, torch.empty_like(
                    value, device=self.device))
        super()._load_from_state_dict(state_dict, prefix, *args)
