"""Switch TF32 on or off for computing in float32 on a GPU."""
from __future__ import annotations

from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

PRECISIONS = ('highest', 'high')


@HOOKS.register_module()
class Float32PrecisionHook(Hook):
    """Switches TF32 on or off, for matrix products and for convolutions.

    A GPU of the Ampere generation or later has units that multiply float32
    numbers cut to 10 bits of mantissa (TF32), several times as fast.
    torch uses them for convolutions unless told otherwise, and for matrix
    products only if told so. On a CPU neither changes a digit.

    Args:
        matmul: ``'highest'``: float32 as it is. ``'high'``: TF32.
        convolution: The same of convolutions; None: torch's own choice.

    Raises:
        ValueError: A value is not one of those above.
    """
    priority = 'VERY_HIGH'

    def __init__(self, matmul: str = 'highest',
                 convolution: str | None = None) -> None:
        for name, value in (('matmul', matmul), ('convolution',
                                                 convolution or 'high')):
            if value not in PRECISIONS:
                raise ValueError(f'{name} must be one of {list(PRECISIONS)}, '
                                 f'got {value!r}')
        self.matmul = matmul
        self.convolution = convolution

    def before_run(self, runner: Any) -> None:
        """Set both for the rest of the process."""
        torch.backends.cuda.matmul.allow_tf32 = self.matmul == 'high'
        if self.convolution is not None:
            torch.backends.cudnn.allow_tf32 = self.convolution == 'high'
