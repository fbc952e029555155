"""Whether images come as the backbone's weights expect them."""
from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Optional

import torch
from mmengine.logging import print_log
from torch import nn


def expected_normalization(backbone: nn.Module
                           ) -> Optional[dict[str, list[float]]]:
    """``mean`` and ``std`` that a backbone names, of pixels 0..255.

    It, or a module in it, has an attribute ``normalization`` (this package's
    own adapters), or a ``pretrained_cfg`` of pixels 0..1 (timm). None: it
    names none, as mmpretrain's.
    """
    for module in backbone.modules():
        own = getattr(module, 'normalization', None)
        if isinstance(own, Mapping):
            return {name: list(own[name]) for name in ('mean', 'std')}
        timm = getattr(module, 'pretrained_cfg', None)
        if isinstance(timm, Mapping) and timm.get('mean') is not None:
            return {name: [255 * value for value in timm[name]]
                    for name in ('mean', 'std')}
    return None


def check_normalization(backbone: nn.Module, preprocessor: Any,
                        expected: Optional[Mapping[str, Sequence[float]]]
                        = None) -> bool:
    """Warn, with both values, where the preprocessor normalises otherwise.

    Pixels off by a constant cost little to see and much to find: one network
    classifies .826 of ImageNet with its own mean and .726 with the usual one.

    Args:
        backbone: The backbone.
        preprocessor: Has ``mean`` and ``std``, of pixels 0..255; None is 0
            and 1.
        expected: ``mean`` and ``std`` that the weights expect. None: what
            the backbone names.

    Returns:
        Whether they agree (within a hundredth of a standard deviation), or
        nothing is known.
    """
    if expected is None:
        expected = expected_normalization(backbone)
    if expected is None:
        return True
    mean, std = (torch.as_tensor(expected[name], dtype=torch.float32).view(-1)
                 for name in ('mean', 'std'))
    given = [value.float().view(-1).cpu() if isinstance(
        value := getattr(preprocessor, name, None), torch.Tensor)
        else torch.full((1, ), neutral)
        for name, neutral in (('mean', 0.), ('std', 1.))]
    if bool((((given[0] - mean) / std).abs() <= 0.01).all()
            & ((given[1] / std - 1).abs() <= 0.01).all()):
        return True
    print_log(
        'images must be normalised as the backbone\'s weights expect: mean '
        f'{_rounded(mean)}, std {_rounded(std)} of pixels 0..255; the data '
        f'preprocessor has mean {_rounded(given[0])}, std '
        f'{_rounded(given[1])}', logger='current', level=logging.WARNING)
    return False


def _rounded(values: torch.Tensor) -> list[float]:
    return [round(value, 3) for value in values.tolist()]
