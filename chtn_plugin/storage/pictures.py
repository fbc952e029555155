"""The one opener of pictures: formats, size limits and orientation."""
from __future__ import annotations

import io
import re
import struct
import warnings
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

from .shards import file_bytes, file_size, is_file, parted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL import Image

#: Endings of the files in a folder that are taken for pictures.
SUFFIXES = ('.png', '.jpg', '.jpeg', '.webp', '.bmp', '.gif', '.tif', '.tiff',
            '.ppm', '.pgm')
#: What a file may be, whatever its name: formats that Pillow and OpenCV
#: decode themselves. Pillow would hand EPS to Ghostscript, a program that
#: runs what it reads.
FORMATS = ('PNG', 'JPEG', 'WEBP', 'BMP', 'GIF', 'TIFF', 'PPM', 'JPEG2000')
MAX_BYTES = 256 << 20
# Pixels that are below every default limit.
_SURELY_FINE = 64_000_000
_PNG_MARK, _JPEG_MARK = b'\x89PNG\r\n\x1a\n', b'\xff\xd8'
# Of JPEG: where a frame begins, and what may stand before it.
_FRAME_MARKERS = frozenset({0xc0, 0xc1, 0xc2})
_TABLE_MARKERS = frozenset({0xc4, 0xdb, 0xdd, 0xfe})
# What may stand between two scans; within one, any marker but a restart's
# ends it.
_BETWEEN_SCANS = frozenset({0xc4, 0xda, 0xdb, 0xdd, *range(0xe0, 0xf0), 0xfe})
_MARKER = re.compile(rb'\xff[^\x00\xd0-\xd7\xff]')
_PROGRESSIVE, _SCAN, _END = 0xc2, 0xda, 0xd9
# Formats that the refusal can name; none of them is decoded.
_OTHERS = ('ICO', 'TGA', 'PCX', 'DDS', 'ICNS', 'SGI', 'MPO')


class PictureError(ValueError):
    """A file is no picture that may be opened.

    Attributes:
        problem: Why, in a few words that need no file name.
    """

    def __init__(self, message: str, problem: str) -> None:
        super().__init__(message)
        self.problem = problem


class UnknownFormatError(PictureError):
    """It is of none of the formats."""


class PictureTooLargeError(PictureError):
    """It has too many bytes or pixels.

    Attributes:
        size: Width and height; None where they are beyond all limits.
    """
    size: Optional[tuple[int, int]] = None


class DamagedPictureError(PictureError):
    """It is cut off or damaged."""


def picture_header(source: str | Path | bytes,
                   max_pixels: Optional[int] = None
                   ) -> tuple[str, tuple[int, int]]:
    """Look at a picture's header; nothing is decoded.

    Args:
        source: A file, or its bytes.
        max_pixels: Larger ones are refused. None: Pillow's limit against
            files that fill the memory, 179 megapixels.

    Returns:
        Format, one of :data:`FORMATS`, and width and height.

    Raises:
        FileNotFoundError: There is no such file.
        PictureError: It is none, or too large.
    """
    if isinstance(source, bytes) and (quick := _quick_header(source)):
        kind, (width, height) = quick
        # Leave the message on too large pictures to the full check.
        if width * height <= (max_pixels or _SURELY_FINE):
            return kind, (width, height)
    with _opened(source, max_pixels) as image:
        # MPO: a camera's file of several JPEGs, of which the first is read.
        kind = 'JPEG' if image.format == 'MPO' else image.format or ''
        return kind, image.size


def open_picture(source: str | Path | bytes,
                 max_pixels: Optional[int] = None,
                 near: Optional[int] = None) -> Image.Image:
    """Decode a picture in full, once its header is known to be harmless.

    Args:
        source: A file, or its bytes.
        max_pixels: As for :func:`picture_header`.
        near: A JPEG may come at a half, quarter or eighth of its size, as
            long as both sides keep so many pixels; None: in full size.

    Returns:
        The picture as stored; :func:`upright` turns a camera's.

    Raises:
        FileNotFoundError: There is no such file.
        PictureError: It is none, cut off, or too large.
    """
    with _opened(source, max_pixels) as image:
        if near is not None:
            image.draft('RGB', (near, near))
        image.load()
        return image


def check_picture(source: str | Path | bytes,
                  max_pixels: Optional[int] = None) -> None:
    """Refuse what is no picture, cut off or too large.

    OpenCV fills up what is missing of a file that is cut off; this tells.
    A JPEG is decoded at an eighth of its size, for a part of the cost.

    Raises:
        FileNotFoundError: There is no such file.
        PictureError: The message gives the rule and the file.
    """
    open_picture(source, max_pixels, near=1)


def is_surely_fine(path: Path, max_pixels: Optional[int] = None) -> bool:
    """Whether a file's own marks say that it is a whole, harmless picture.

    A PNG has a checksum in each part and an end; a JPEG has marks that only
    an intact stream keeps in order. Where they are as they should be, this
    costs a tenth of a decoding, or less. False says nothing yet:
    :func:`check_picture` decodes and tells.

    Args:
        path: The file.
        max_pixels: Larger ones are not surely fine. None: 64 megapixels.
    """
    if not path.is_file() or path.stat().st_size > MAX_BYTES:
        return False
    encoded = path.read_bytes()
    header = _quick_header(encoded)
    if header is None:
        return False
    kind, (width, height) = header
    if width * height > (max_pixels or _SURELY_FINE):
        return False
    return (_png_is_whole if kind == 'PNG' else _jpeg_is_whole)(encoded)


def _png_is_whole(encoded: bytes) -> bool:
    view, place, has_data = memoryview(encoded), 8, False
    while place + 12 <= len(encoded):
        end = place + 12 + int.from_bytes(view[place:place + 4], 'big')
        if end > len(encoded) or zlib.crc32(view[place + 4:end - 4]) != (
                int.from_bytes(view[end - 4:end], 'big')):
            return False
        kind = bytes(view[place + 4:place + 8])
        if kind == b'IEND':
            return has_data
        has_data = has_data or kind == b'IDAT'
        place = end
    return False


def _jpeg_is_whole(encoded: bytes) -> bool:
    place, frame = 2, 0
    while place + 4 <= len(encoded):
        if encoded[place] != 0xff:
            return False
        marker = encoded[place + 1]
        end = place + 2 + int.from_bytes(encoded[place + 2:place + 4], 'big')
        if marker in _FRAME_MARKERS and not frame:
            frame = marker
        elif marker not in _BETWEEN_SCANS:
            return False
        place = end
        if marker != _SCAN:
            continue
        found = _MARKER.search(encoded, place)
        if found is None or not frame:
            return False
        place = found.end() - 2
        if encoded[place + 1] == _END:
            return True
        if frame != _PROGRESSIVE:  # one scan holds all, as nearly always
            return False
    return False


def upright(image: Image.Image) -> Image.Image:
    """Turn a picture as the camera's note (EXIF) says."""
    from PIL import ImageOps
    return ImageOps.exif_transpose(image)


def format_name(source: str | Path | bytes) -> Optional[str]:
    """Name of a picture's format, by its first bytes, be it read or not."""
    from PIL import Image
    try:
        file: Any = (io.BytesIO(source) if isinstance(source, bytes)
                     else _readable(source))
        with Image.open(file, formats=FORMATS + _OTHERS) as image:
            return image.format
    except Exception:
        return None


def _quick_header(encoded: bytes) -> Optional[tuple[str, tuple[int, int]]]:
    """Size of a plain PNG or JPEG in a few microseconds; None: ask Pillow.

    Training asks for each picture each time, and Pillow's header takes a
    tenth as long as the whole decoding of a small photo.
    """
    if (encoded[:8] == _PNG_MARK and encoded[12:16] == b'IHDR'
            and len(encoded) >= 24):
        width, height = struct.unpack('>II', encoded[16:24])
        return 'PNG', (width, height)
    if encoded[:2] != _JPEG_MARK:
        return None
    place = 2
    while place + 9 <= len(encoded) and encoded[place] == 0xff:
        marker, length = encoded[place + 1], int.from_bytes(
            encoded[place + 2:place + 4], 'big')
        if marker in _FRAME_MARKERS:
            height, width = struct.unpack('>HH',
                                          encoded[place + 5:place + 9])
            return ('JPEG', (width, height)) if height and width else None
        if not 0xe0 <= marker <= 0xef and marker not in _TABLE_MARKERS:
            return None
        place += 2 + length
    return None


@contextmanager
def _opened(source: str | Path | bytes, max_pixels: Optional[int]
            ) -> Iterator[Image.Image]:
    """Open a picture of an allowed format and size; blame what is wrong."""
    from PIL import Image, UnidentifiedImageError
    where = 'this one' if isinstance(source, bytes) else str(source)
    limit = max_pixels or 2 * (Image.MAX_IMAGE_PIXELS or 89_478_485)
    rule = f'a picture must have at most {limit / 1e6:.0f} megapixels'
    file: Any = source
    if isinstance(source, bytes):
        file = io.BytesIO(source)
    else:
        _check_bytes(source)
        file = _readable(source)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', Image.DecompressionBombWarning)
            with Image.open(file, formats=FORMATS) as image:
                width, height = image.size
                if width * height > limit:
                    error = PictureTooLargeError(
                        f'{rule}: {where} has {width * height / 1e6:.0f} '
                        f'({width} × {height})',
                        f'too large: {width} × {height} pixels')
                    error.size = width, height
                    raise error
                yield image
    except (PictureError, FileNotFoundError):
        raise
    except Image.DecompressionBombError as error:
        raise PictureTooLargeError(f'{rule}: {where}: {error}',
                                   f'too large: {error}') from error
    except UnidentifiedImageError as error:
        raise UnknownFormatError('a picture must be a file such as JPEG or '
                                 f'PNG: {where} is none',
                                 'cannot identify image file') from error
    except Exception as error:
        # Decoders raise errors of any type on damaged or hostile files.
        reason = str(error).split(' <')[0].replace(f' {where!r}', '')
        reason = reason or type(error).__name__
        raise DamagedPictureError(f'a picture must be whole: {where} is cut '
                                  f'off or damaged ({reason})', reason
                                  ) from error


def _readable(path: str | Path) -> Any:
    """What Pillow opens: the path, or the bytes of a member of a shard."""
    return path if parted(path) is None else io.BytesIO(file_bytes(path))


def _check_bytes(path: str | Path) -> None:
    if not is_file(path):
        raise FileNotFoundError(f'picture not found: {path}')
    size = file_size(path)
    if size > MAX_BYTES:
        raise PictureTooLargeError(
            f'a picture file must have at most {MAX_BYTES >> 20} MiB: {path} '
            f'has {size >> 20}', f'too large: {size >> 20} MiB')
