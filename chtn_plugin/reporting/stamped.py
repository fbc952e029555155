"""Save pictures that a later run knows as the tools' own."""
from __future__ import annotations

from typing import IO

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from chtn_plugin.storage.ownership import STAMP


def save_stamped(picture: Image.Image, file: IO[bytes]) -> None:
    """Write a picture as PNG, with this package as its software.

    :func:`~chtn_plugin.storage.ownership.bears_stamp` knows it again.

    Args:
        picture: The picture.
        file: Open for writing bytes.
    """
    facts = PngInfo()
    facts.add_text('Software', STAMP)
    picture.save(file, 'PNG', pnginfo=facts, optimize=True)
