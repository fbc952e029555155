"""Save pictures that a later run knows as the tools' own."""
from __future__ import annotations

from pathlib import Path
from typing import IO, Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from chtn_plugin.storage.files import atomic_write
from chtn_plugin.storage.ownership import (
    STAMP,
    bears_stamp,
    check_replaceable,
)


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


def check_figure_path(path: str | Path) -> None:
    """Refuse to draw over a file that is not a picture of ours.

    Of the formats that :func:`save_figure` writes PNG bears our stamp. A file
    of another format is never replaced.

    Args:
        path: The picture to write.

    Raises:
        ValueError: Such a file is there.
    """
    check_replaceable(path, bears_stamp(path))


def save_figure(figure: Any, path: str | Path, **options: Any) -> None:
    """Write a figure of matplotlib, as PNG with our stamp.

    Args:
        figure: The figure.
        path: The picture; its ending names the format, PNG without one.
        options: Of matplotlib's ``savefig``.

    Raises:
        ValueError: It would replace a file that is not ours, or matplotlib
            does not know the format.
    """
    check_figure_path(path)
    kind = Path(path).suffix.lower()[1:] or 'png'
    if kind == 'png':
        options['metadata'] = dict(Software=STAMP)
    with atomic_write(path) as file:
        figure.savefig(file, format=kind, **options)
