"""Run images through a pipeline of transforms."""
from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Optional

import numpy as np
import torch
from torch import Tensor

from .draws import Draw, kept_randomness, seed_randomness


def load_images(paths: Sequence[str], pipeline: Callable,
                draws: Sequence[int]) -> list[Tensor]:
    """Load images through the transforms, as the network's inputs.

    What is random about an image depends on its draw alone. With plain
    indices transforms are as random as the worker is.

    Args:
        paths: The image files.
        pipeline: Transforms that turn ``dict(img_path=...)`` into
            ``dict(img=...)`` as mmcv's and mmpretrain's do, (H, W, 3) or
            (H, W).
        draws: The draw that each image is served for.

    Returns:
        (channels, H, W) each, of the image's own type (usually uint8).

    Raises:
        FileNotFoundError: There is no such file; the message names it.
        ValueError: The file is no image that can be read, or a transform
            failed on it; the message names the file.
    """
    if not any(isinstance(draw, Draw) for draw in draws):
        return [_load(path, pipeline) for path in paths]
    images = []
    with kept_randomness():
        for path, draw in zip(paths, draws, strict=True):
            if isinstance(draw, Draw):
                seed_randomness(draw)
            images.append(_load(path, pipeline))
    return images


def load_image(path: str, pipeline: Callable, draw: int) -> Tensor:
    """Load one image; see :func:`load_images`."""
    return load_images([path], pipeline, [draw])[0]


def _load(path: str, pipeline: Callable) -> Tensor:
    try:
        results = pipeline(dict(img_path=path))
        image = None if results is None else results.get('img')
    except FileNotFoundError as error:
        raise FileNotFoundError(f'image not found: {path}') from error
    except Exception as error:
        raise ValueError(f'an image must be readable: {path} is broken, or '
                         f'a transform failed on it: {error}') from error
    if image is None:
        raise ValueError(f'an image must be readable: {path} is not, or is '
                         'no image')
    if isinstance(image, Tensor):
        return image
    if image.ndim == 2:
        image = image[:, :, None]
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))


def channel_order(pipeline: Any) -> Optional[str]:
    """Order of an image's channels behind a pipeline of transforms.

    Knows this package's ``LoadRGBImage``, mmcv's ``LoadImageFromFile`` (BGR)
    and the options ``to_rgb`` and ``to_bgr`` of mmpretrain's and mmcv's
    transforms. A loader of your own has an attribute ``channel_order``.

    Args:
        pipeline: A transform, or several as ``transforms``.

    Returns:
        ``'RGB'``, ``'BGR'``, or None: unknown, or grey.
    """
    order = None
    for transform in _flat(pipeline):
        if getattr(transform, 'color_type', '').startswith('color'):
            order = 'BGR'
        order = getattr(transform, 'channel_order', order)
        if order is not None and (getattr(transform, 'to_rgb', False)
                                  or getattr(transform, 'to_bgr', False)):
            order = order[::-1]
    return order


def _flat(pipeline: Any) -> Iterator[Any]:
    inner = getattr(pipeline, 'transforms', None)
    if inner is None:
        yield pipeline
    elif isinstance(inner, (list, tuple)):
        for part in inner:
            yield from _flat(part)
    else:
        yield from _flat(inner)
