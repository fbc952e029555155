"""Let torchvision's CUDA wheel import beside a CPU build of torch.

On PyPI torchvision comes only as a CUDA build. Beside a CPU torch its
compiled library does not load, and ``import torchvision`` dies while it
registers fake kernels for operators nobody declared (``operator
torchvision::nms does not exist``), and takes transformers, timm and
mmpretrain.models with it. Declaring the two schemas is enough: none of the
operators is ever called here.
"""
from __future__ import annotations

import sys
from typing import Optional

import torch

_SCHEMAS = ('nms', 'qnms')
_SIGNATURE = '(Tensor dets, Tensor scores, float iou_threshold) -> Tensor'

# torch forgets a library's declarations when the object is collected.
_library: Optional[torch.library.Library] = None


def declare_missing_operators() -> bool:
    """Declare torchvision's operators where its own library cannot.

    Called as torchvision's import begins. Does nothing on a CUDA build of
    torch, or once torchvision has loaded its own.

    Returns:
        Whether anything was declared.
    """
    global _library
    if (_library is not None or torch.version.cuda is not None
            or 'torchvision.extension' in sys.modules):
        return False
    _library = torch.library.Library('torchvision', 'FRAGMENT')
    for name in _SCHEMAS:
        _library.define(f'{name}{_SIGNATURE}')
    return True
