"""Keep freed host memory in the process for the next iteration."""
from __future__ import annotations

import ctypes
import platform
from typing import Any

from mmengine.hooks import Hook
from mmengine.registry import HOOKS

# Parameters of mallopt, from glibc's malloc.h.
_TRIM_THRESHOLD = -1
_MMAP_MAX = -4
_INT_MAX = 2**31 - 1


@HOOKS.register_module()
class KeptMemoryHook(Hook):
    """Keeps what an iteration frees for the next one.

    glibc gives large freed blocks back to the system at once. Gradients and
    activations then come as untouched pages again, and to touch 4 KiB for
    the first time takes microseconds: a quarter of a training step on ready
    features, on a CPU. From the start of training on, the process keeps up to
    2 GiB of freed memory. Only the host's memory is meant; where the C
    library is not glibc, nothing changes.
    """

    def before_train(self, runner: Any) -> None:
        """Set it for the rest of the process."""
        if platform.libc_ver()[0] == 'glibc':
            libc = ctypes.CDLL(None)
            libc.mallopt(_TRIM_THRESHOLD, _INT_MAX)
            libc.mallopt(_MMAP_MAX, 0)
