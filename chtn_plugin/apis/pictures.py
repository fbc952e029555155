"""Load pictures from users, checked before they are decoded."""
from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from chtn_plugin.datasets.images import load_image
from chtn_plugin.storage.pictures import check_picture, is_surely_fine, upright

MAX_PIXELS = 64_000_000


def load_picture(picture: Any, pipeline: Callable,
                 max_pixels: int = MAX_PIXELS) -> Tensor:
    """Send a picture of any kind through the transforms of the run.

    Args:
        picture: Path; PIL picture; array (H, W), (H, W, 1) grey or
            (H, W, 3) RGB, uint8.
        pipeline: The image transforms, beginning with the one that loads.
        max_pixels: Larger ones are refused by their header.

    Returns:
        (channels, H, W).

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no picture, cut off, or too large.
        TypeError: It is none of those kinds.
    """
    with _as_file(picture, max_pixels) as path:
        # Decoding only to check would take nearly as long as the loading.
        fine = is_surely_fine(path, max_pixels)
        if not fine:
            check_picture(path, max_pixels)
        try:
            return load_image(str(path), pipeline, 0)
        except ValueError:
            if fine:  # if the file is to blame, its own message says more
                check_picture(path, max_pixels)
            raise


def _check_size(width: int, height: int, max_pixels: int, what: Any) -> None:
    if width * height > max_pixels:
        raise ValueError('a picture must have at most '
                         f'{max_pixels / 1e6:.0f} megapixels: {what} has '
                         f'{width * height / 1e6:.0f} ({width} × {height})')


@contextmanager
def _as_file(picture: Any, max_pixels: int) -> Iterator[Path]:
    """The file of a picture; one in memory is written out for a moment.

    So every picture passes the very transforms of the run, whatever reads
    files there.
    """
    if isinstance(picture, (str, Path)):
        yield Path(picture)
        return
    if isinstance(picture, np.ndarray):
        picture = _from_array(picture)
    if not isinstance(picture, Image.Image):
        raise TypeError('a picture must be a path, a PIL picture or an array,'
                        f' got {type(picture).__name__}')
    _check_size(*picture.size, max_pixels, 'this one')
    # A camera's orientation stands in the EXIF data, which PNG would lose.
    picture = upright(picture)
    if picture.mode.startswith('I'):
        # 16-bit pictures, in any of Pillow's modes for them.
        picture = Image.fromarray(np.asarray(picture).clip(
            0, 65535).astype(np.uint16))
    elif picture.mode not in ('L', 'RGB', '1'):
        picture = picture.convert('RGB')
    with tempfile.TemporaryDirectory(prefix='picture.') as folder:
        path = Path(folder) / 'picture.png'
        picture.save(path, compress_level=1)
        yield path


def _from_array(array: np.ndarray) -> Image.Image:
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or (
            array.ndim == 3 and array.shape[2] not in (1, 3)) or (
                0 in array.shape):
        raise ValueError('a picture array must be uint8, (H, W), (H, W, 1) '
                         f'or (H, W, 3), got {array.dtype} {array.shape}')
    return Image.fromarray(array[..., 0] if array.shape[2:] == (1, ) else
                           array)
