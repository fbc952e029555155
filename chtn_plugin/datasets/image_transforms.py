"""Load, resize and crop images as fast as the decoder allows."""
from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Optional

import cv2
import numpy as np
from mmengine.dataset import Compose
from mmengine.registry import TRANSFORMS

from ..checks import check_choice
from ..storage.files import atomic_write
from ..storage.pictures import PictureError, picture_header
from ..storage.shards import file_bytes, file_of

# New OpenCV converts while decoding, which saves a pass over the pixels.
_RGB_FLAG = getattr(cv2, 'IMREAD_COLOR_RGB', None)
_JPEG_MARK = b'\xff\xd8'
_REDUCED = {2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4,
            8: cv2.IMREAD_REDUCED_COLOR_8}


@TRANSFORMS.register_module()
class LoadRGBImage:
    """Decode an image file straight to RGB.

    In place of ``LoadImageFromFile`` it saves the channel swap: set no
    ``bgr_to_rgb`` in the data preprocessor. Grey images get three equal
    channels; alpha is dropped; EXIF orientation is applied.

    Args:
        min_side: A large JPEG may be decoded at a half, quarter or eighth of
            its size as long as the shorter side keeps this many pixels:
            faster, but not the same pixels as a resize from full size. None:
            always full size.
    """
    channel_order = 'RGB'

    def __init__(self, min_side: Optional[int] = None) -> None:
        if min_side is not None and min_side < 1:
            raise ValueError(f'min_side must be positive, got {min_side}')
        self.min_side = min_side

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Add ``img`` (H, W, 3) uint8, ``img_shape`` and ``ori_shape``.

        Raises:
            FileNotFoundError: There is no file ``img_path``.
            ValueError: It is no image that OpenCV can decode, of another
                format than :data:`FORMATS`, or too large.
        """
        path = results['img_path']
        raw = file_bytes(path)
        encoded = np.frombuffer(raw, np.uint8)
        try:
            # The decoder allocates what the header claims: check it first.
            kind, size = picture_header(raw)
        except PictureError as error:
            raise ValueError(f'{path} cannot be decoded: {error.problem}'
                             ) from error
        scale = self._scale(min(size)) if kind == 'JPEG' else 1
        image = decode_rgb(encoded, scale)
        if image is None:
            raise ValueError(f'{path} cannot be decoded')
        shape = image.shape[:2]
        results.update(img=image, img_shape=shape, ori_shape=shape)
        return results

    def _scale(self, side: int) -> int:
        if self.min_side is None:
            return 1
        return max((scale for scale in (1, *_REDUCED)
                    if side // scale >= self.min_side), default=1)

    def __repr__(self) -> str:
        return f'LoadRGBImage(min_side={self.min_side})'


def decode_rgb(encoded: np.ndarray, scale: int = 1) -> Optional[np.ndarray]:
    """Decode an image to RGB.

    Args:
        encoded: The file's bytes, (N,) uint8.
        scale: Decode a JPEG at one over this size: 1, 2, 4 or 8.

    Returns:
        (H, W, 3) uint8, or None where OpenCV cannot decode it.
    """
    if scale == 1 and _RGB_FLAG is not None:
        return cv2.imdecode(encoded, _RGB_FLAG)
    flag = cv2.IMREAD_COLOR if scale == 1 else _REDUCED[scale]
    image = cv2.imdecode(encoded, flag)
    if image is None:
        return None
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB, dst=image)


def is_decodable(encoded: np.ndarray) -> bool:
    """Whether OpenCV can decode a file.

    Args:
        encoded: The file's bytes, (N,) uint8.
    """
    # JPEG at an eighth, for a part of the cost. Other formats are shrunk
    # after they are decoded, and sides under eight pixels to nothing.
    scale = 8 if encoded[:2].tobytes() == _JPEG_MARK else 1
    try:
        image = decode_rgb(encoded, scale) if len(encoded) else None
    except cv2.error:
        return False
    return image is not None and image.dtype == np.uint8


@TRANSFORMS.register_module()
class ResizeShorterSide:
    """Resize so that the shorter side has a given length.

    Args:
        size: Pixels of the shorter side; the longer is rounded.
        interpolation: ``'bilinear'``, or ``'area'``, which averages and so
            shows no jaggies where images shrink much.
    """
    _MODES = {'bilinear': cv2.INTER_LINEAR, 'area': cv2.INTER_AREA}

    def __init__(self, size: int = 256,
                 interpolation: str = 'bilinear') -> None:
        check_choice('interpolation', interpolation, self._MODES)
        self.size = size
        self.interpolation = interpolation

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Replace ``img`` (H, W, ...) by one whose shorter side fits."""
        image = results['img']
        height, width = image.shape[:2]
        scale = self.size / min(height, width)
        # The shorter side is set, not computed: no rounding can miss it.
        new = (max(round(width * scale), self.size),
               max(round(height * scale), self.size))
        if new != (width, height):
            image = cv2.resize(image, new,
                               interpolation=self._MODES[self.interpolation])
        results.update(img=image, img_shape=image.shape[:2])
        return results

    def __repr__(self) -> str:
        return (f'ResizeShorterSide(size={self.size}, '
                f'interpolation={self.interpolation!r})')


@TRANSFORMS.register_module()
class PredecodedImage:
    """Run the first, deterministic transforms once per image, ever.

    What they give (decoded and resized pixels) is kept uncompressed in one
    file an image; crops and flips after it stay random. A file is keyed by
    path, size and time of the image and by the transforms with their
    arguments; it is written atomically, so workers and ranks may share the
    folder. About 192 KiB an image at 256 pixels.

    Args:
        cache: Folder of the decoded images.
        transforms: The transforms, beginning with the one that loads.
        max_gb: Once the files that this process wrote fill so many
            gigabytes, further images are decoded each time.
    """

    def __init__(self, cache: str, transforms: Sequence[dict],
                 max_gb: float = 20.) -> None:
        self.cache = Path(cache)
        self.max_gb = max_gb
        self.written = 0
        self.transforms = Compose(list(transforms))
        self.key = json.dumps(list(transforms), sort_keys=True, default=str)

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Load ``img`` from the cache, or compute and keep it."""
        path = results['img_path']
        status = os.stat(file_of(path))
        identity = json.dumps([os.path.abspath(path), status.st_size,
                               status.st_mtime_ns, self.key])
        name = hashlib.sha256(identity.encode()).hexdigest()[:40]
        file = self.cache / name[:2] / f'{name}.npy'
        try:
            image = np.load(file, allow_pickle=False)
        except (OSError, ValueError, EOFError):
            results = self.transforms(results)
            self._keep(file, results['img'])
            return results
        results.update(img=image, img_shape=image.shape[:2],
                       ori_shape=image.shape[:2])
        return results

    def _keep(self, file: Path, image: np.ndarray) -> None:
        if self.written + image.nbytes > self.max_gb * 1e9:
            return
        with atomic_write(file) as handle:
            np.save(handle, np.ascontiguousarray(image), allow_pickle=False)
        self.written += image.nbytes

    def __repr__(self) -> str:
        return f'PredecodedImage(cache={str(self.cache)!r}, {self.key})'
