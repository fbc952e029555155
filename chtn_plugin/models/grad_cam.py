"""Where in a picture a score comes from (Grad-CAM).

Own, and small: the package grad-cam asks for opencv-python-headless, whose
files overwrite those of the opencv-python that mmcv needs.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import isqrt
from typing import Any, Optional

import torch
from torch import Tensor, nn

from ..checks import check_choice
from .trunk import Trunk


@dataclass(frozen=True)
class CamMap:
    """A map of one picture.

    Attributes:
        layers: Names of the layers that it is the mean of.
        values: (H, W) of the layers' grid, in [0, 1]; all 0 where nothing in
            the picture raises the score.
        score: The score itself.
    """
    layers: tuple[str, ...]
    values: Tensor
    score: float


def feature_maps(model: nn.Module, image: Tensor) -> dict[str, tuple]:
    """Find the layers whose output has places, in the order they run.

    Args:
        model: A model with ``encode_image``.
        image: One picture as the model gets it, (1, channels, H, W).

    Returns:
        Shape of the output by the layer's name.

    Raises:
        ValueError: The model takes ready features, or no layer has places.
    """
    if image.dim() != 4:
        raise ValueError('a map needs a picture: this model takes ready '
                         f'features, {tuple(image.shape[1:])}')
    shapes: dict[str, tuple] = {}

    def note(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            if _grid(output) is not None:
                shapes[name] = tuple(output.shape)
        return hook
    handles = [module.register_forward_hook(note(name))
               for name, module in model.named_modules() if name]
    try:
        with torch.no_grad():
            model.encode_image(image)  # type: ignore[operator]
    finally:
        for handle in handles:
            handle.remove()
    if not shapes:
        raise ValueError('a map needs a layer whose output has places: '
                         f'{type(model).__name__} has none')
    return shapes


def grad_cam(model: nn.Module, image: Tensor,
             score: Callable[[Any], Tensor],
             layers: Sequence[str] = ()) -> CamMap:
    r"""Weigh a layer's channels by the mean gradient of a score.

    Grad-CAM (https://arxiv.org/abs/1610.02391), equations 1 and 2:

    .. math::
        \mathrm{ReLU}\Big(\sum_k \alpha_k A^k\Big), \quad
        \alpha_k = \frac{1}{HW} \sum_{ij} \partial y / \partial A^k_{ij},

    then divided by its largest value. Tokens of a transformer are channels
    last; those before the square grid, such as a class token, are left out.

    Args:
        model: A model with ``encode_image``, in evaluation mode.
        image: One picture as the model gets it, (1, channels, H, W).
        score: Gives the score y, a scalar, of what ``encode_image`` returns.
        layers: Names of layers. (): the last whose output has places.

    Raises:
        ValueError: As :func:`feature_maps`; a layer is not one of those; or
            the score does not depend on it.
    """
    known = list(feature_maps(model, image))
    chosen = tuple(layers) or (known[-1], )
    for name in chosen:
        check_choice('a target layer', name, known)
    outputs: dict[str, Tensor] = {}

    def keep(name: str) -> Callable[..., Tensor]:
        def hook(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
            # A copy: layers behind may work in place. Where nothing before is
            # trained, the gradient begins here.
            output = output.clone()
            if not output.requires_grad:
                output = output.detach().requires_grad_()
            outputs[name] = output
            return output
        return hook
    modules = dict(model.named_modules())
    handles = [modules[name].register_forward_hook(keep(name))
               for name in chosen]
    try:
        with torch.enable_grad(), _gradients_in_trunks(model):
            value = score(model.encode_image(image))  # type: ignore[operator]
            gradients = torch.autograd.grad(
                value, [outputs[name] for name in chosen],
                allow_unused=True) if value.requires_grad else [
                    None] * len(chosen)
    finally:
        for handle in handles:
            handle.remove()
    maps = []
    for name, gradient in zip(chosen, gradients, strict=True):
        if gradient is None:
            raise ValueError('the score must depend on the layer, with '
                             f'gradients: it does not on {name}')
        maps.append(_weighted(outputs[name].detach(), gradient))
    size = max((one.shape for one in maps), key=lambda shape: shape[0])
    joined = torch.stack([nn.functional.interpolate(
        one[None, None], tuple(size), mode='bilinear')[0, 0]
        for one in maps]).mean(0)
    return CamMap(chosen, joined, float(value.detach()))


def _weighted(output: Tensor, gradient: Tensor) -> Tensor:
    """The map of one layer, (H, W) in [0, 1]."""
    activation, slope = (_places(value).float() for value in (output,
                                                              gradient))
    weights = slope.mean((1, 2), keepdim=True)
    cam = (weights * activation).sum(0).clamp(min=0)
    return cam / cam.max().clamp(min=torch.finfo(cam.dtype).tiny)


def _grid(output: Any) -> Optional[tuple[int, int]]:
    """Height and width of a layer's output of one picture; None: no places."""
    if not isinstance(output, Tensor) or not output.is_floating_point():
        return None
    if output.dim() == 4 and output.shape[0] == 1 and min(
            output.shape[2:]) > 1:
        return output.shape[2], output.shape[3]
    if output.dim() == 3 and output.shape[0] == 1:
        side = isqrt(output.shape[1])
        # A class token and a few registers at most stand before the grid.
        if side > 1 and output.shape[1] - side**2 <= 5:
            return side, side
    return None


def _places(value: Tensor) -> Tensor:
    """Bring one picture's output to (channels, H, W)."""
    if value.dim() == 4:
        return value[0]
    grid = _grid(value)
    assert grid is not None
    tokens = value[0, -grid[0] * grid[1]:]
    return tokens.T.reshape(-1, *grid)


@contextmanager
def _gradients_in_trunks(model: nn.Module) -> Iterator[None]:
    """Have trunks record gradients that training never asks them for."""
    trunks = [part for part in model.modules() if isinstance(part, Trunk)]
    modes = [trunk.mode for trunk in trunks]
    try:
        for trunk in trunks:
            trunk.mode = 'train'
        yield
    finally:
        for trunk, mode in zip(trunks, modes, strict=True):
            trunk.mode = mode
