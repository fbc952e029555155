"""Check that images come as the backbone's weights expect them."""
from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Optional

import torch
from mmengine.logging import print_log
from torch import Tensor, nn

from ..checks import check_choice

_KEYS = ('mean', 'std', 'order', 'size')
ORDERS = ('RGB', 'BGR')


def expected_pixels(backbone: nn.Module,
                    given: Optional[Mapping[str, Any]] = None
                    ) -> dict[str, Any]:
    """Find the pixel values that a backbone's weights expect, if known.

    The backbone, or a module in it, has an attribute ``normalization`` (this
    package's own adapters, a module of your own), or a ``pretrained_cfg``
    (timm, whose pixels are RGB, 0..1). mmpretrain's name ``img_size`` at
    most; the configuration must say the rest.

    Args:
        backbone: The backbone.
        given: What the configuration says, which counts before that.

    Returns:
        Of these keys those that are known. ``mean`` and ``std``: of pixels
        0..255, one or three numbers. ``order``: of the channels, ``'RGB'``
        or ``'BGR'``. ``size``: (H, W).

    Raises:
        ValueError: A key or an order is not one of those, or there is a mean
            without a deviation.
    """
    expected = {**_named(backbone), **(given or {})}
    unknown = [key for key in expected if key not in _KEYS]
    if unknown:
        raise ValueError(f'normalization must be of {list(_KEYS)}, '
                         f'got {unknown}')
    if ('mean' in expected) != ('std' in expected):
        raise ValueError('normalization needs mean and std, or neither: got '
                         f'{expected}')
    check_choice('order', expected.get('order', ORDERS[0]), ORDERS)
    for key in ('mean', 'std'):
        if key in expected:
            expected[key] = [float(value) for value in expected[key]]
    if 'size' in expected:
        expected['size'] = _size(expected['size'])
    return expected


def _named(backbone: nn.Module) -> dict[str, Any]:
    for module in backbone.modules():
        own = getattr(module, 'normalization', None)
        if isinstance(own, Mapping):
            return dict(own)
        timm = getattr(module, 'pretrained_cfg', None)
        if isinstance(timm, Mapping) and timm.get('mean') is not None:
            return dict(
                {name: [255 * value for value in timm[name]]
                 for name in ('mean', 'std')}, order='RGB',
                **({'size': timm['input_size'][1:]}
                   if 'input_size' in timm else {}))
    size = getattr(backbone, 'img_size', None)
    return {} if size is None else dict(size=size)


def _size(size: Any) -> tuple[int, int]:
    height, width = (size, size) if isinstance(size, int) else size
    return int(height), int(width)


def check_normalization(expected: Mapping[str, Any],
                        preprocessor: Any) -> bool:
    """Warn, with both values, where the preprocessor normalises otherwise.

    Pixels off by a constant cost little to see and much to find: one network
    classifies .826 of ImageNet with its own mean and .726 with the usual one.

    Args:
        expected: As :func:`expected_pixels` gives it.
        preprocessor: Has ``mean`` and ``std``, of pixels 0..255; None is 0
            and 1.

    Returns:
        Whether they agree (within a hundredth of a standard deviation), or
        nothing is known, as on the meta device.
    """
    if 'mean' not in expected:
        return True
    values = [torch.full((1, ), neutral, device='cpu') if (
        value := getattr(preprocessor, name, None)) is None
        else value.float().view(-1)
        for name, neutral in (('mean', 0.), ('std', 1.))]
    if any(value.is_meta for value in values):
        return True
    mean, std = (torch.tensor(expected[name], device='cpu')
                 for name in ('mean', 'std'))
    values = [value.cpu() for value in values]
    if bool((((values[0] - mean) / std).abs() <= 0.01).all()
            & ((values[1] / std - 1).abs() <= 0.01).all()):
        return True
    _warn('be normalised as', f'mean {_rounded(mean)}, std {_rounded(std)} '
          'of pixels 0..255', 'the data preprocessor has mean '
          f'{_rounded(values[0])}, std {_rounded(values[1])}')
    return False


def check_size(expected: Mapping[str, Any], shape: Sequence[int]) -> bool:
    """Warn, with both sizes, where images are of another one.

    Args:
        expected: As :func:`expected_pixels` gives it.
        shape: Of an image, (channels, H, W); other shapes pass.

    Returns:
        Whether they agree, or nothing is known.
    """
    size = expected.get('size')
    if size is None or len(shape) != 3 or tuple(shape[1:]) == size:
        return True
    _warn('have the size that', '{} x {}'.format(*size),
          'input_shape has {} x {}'.format(*shape[1:]))
    return False


def check_order(expected: Mapping[str, Any], loaded: Optional[str],
                preprocessor: Any) -> bool:
    """Warn, with both orders, where channels come in another one.

    Args:
        expected: As :func:`expected_pixels` gives it.
        loaded: Order in which the data set gives them, ``'RGB'`` or
            ``'BGR'``; None: unknown, or grey.
        preprocessor: Has ``bgr_to_rgb``, which reverses it.

    Returns:
        Whether they agree, or nothing is known.
    """
    order = expected.get('order')
    reversed_ = bool(getattr(preprocessor, 'bgr_to_rgb', False))
    if order is None or loaded is None or order == (
            loaded[::-1] if reversed_ else loaded):
        return True
    _warn('have the channel order that', order,
          f'the data set loads {loaded} and the data preprocessor has '
          f'bgr_to_rgb={reversed_}')
    return False


def _warn(rule: str, expected: str, actual: str) -> None:
    print_log(f'images must {rule} the backbone\'s weights expect: '
              f'{expected}; {actual}', logger='current',
              level=logging.WARNING)


def _rounded(values: Tensor) -> list[float]:
    return [round(value, 3) for value in values.tolist()]
