"""Class folders: a folder of pictures for each class, texts beside them."""
from __future__ import annotations

import re
from pathlib import Path
from typing import Optional

from ...storage.folders import visible_folders
from ..own_tables import Row, read_folders
from .layout import UNPACKED, Reading, has_pictures, split_in_name

# Names that tools give to folders of all pictures, whatever they show.
_OF_ALL = re.compile(r'\d{2,}|.*(images?|pictures?|photos?|pics|dataset)|data',
                     re.IGNORECASE)


def recognises(folder: Path) -> Optional[str]:
    """Name the first class folder; see :class:`~.layout.Layout`."""
    paths = _with_pictures(folder)
    if not paths or no_class(folder):
        return None
    return f'found folders with pictures, such as {paths[0].name}'


def rows(folder: Path, reading: Reading) -> list[Row]:
    """Read the folders.

    Raises:
        FileNotFoundError, ValueError: As
            :func:`~chtn_plugin.curation.own_tables.read_folders`.
    """
    return read_folders(folder, reading.line_texts, reading.encoding)


def no_class(folder: Path) -> Optional[str]:
    """Return why the folders of pictures are no classes, or None.

    ``train2017``, ``00000`` and ``flickr30k_images`` hold pictures of every
    kind: taken for the only class, they would make everything relevant to
    everything.
    """
    paths = _with_pictures(folder)
    if not paths or any(has_pictures(inside) for path in paths
                        for inside in visible_folders(path)):
        return None
    names = ', '.join(path.name for path in paths[:3])
    if all(split_in_name(path.name) for path in paths):
        return f'{names}: a folder of this name is a split and no class'
    if len(paths) == 1 and _OF_ALL.fullmatch(names):
        return (f'{names}, the only folder of pictures, holds all of them '
                'and is no class')
    return None


def _with_pictures(folder: Path) -> list[Path]:
    # As read_folders looks for them.
    top = folder / 'images' if (folder / 'images').is_dir() else folder
    return [path for path in visible_folders(top)
            if path.name != UNPACKED and has_pictures(path)]
