"""img2dataset's folders: ``00000/000000000.jpg`` with ``.txt`` and ``.json``.

https://github.com/rom1504/img2dataset, ``output_format=files``.
"""
from __future__ import annotations

import re
from pathlib import Path
from typing import Optional

from ...storage.folders import visible_files, visible_folders
from ..own_tables import Row
from .layout import Reading
from .samples import is_sample, key_of, read_samples

_SHARD = re.compile(r'\d{4,}')


def recognises(folder: Path) -> Optional[str]:
    """Name the first shard; see :class:`~.layout.Layout`."""
    for shard in _shards(folder):
        kinds: dict[str, set[str]] = {}
        for path in visible_files(shard):
            key, kind = key_of(path.name)
            kinds.setdefault(key, set()).add(kind)
            # Folders of people or products are numbered too; their files
            # have no shard's number and nothing told of them.
            if is_sample(kinds[key]) and ('json' in kinds[key] or
                                          key.startswith(shard.name)):
                return f'found {shard.name}/{path.name}, of a numbered shard'
    return None


def rows(folder: Path, reading: Reading) -> list[Row]:
    """Read the shards.

    Raises:
        FileNotFoundError: There is none.
        ValueError: A file is broken.
    """
    shards = _shards(folder)
    if not shards:
        raise FileNotFoundError(f'{folder} has no numbered folders of '
                                'pictures, such as 00000')
    return [row for shard in shards for row in read_samples(
        folder, visible_files(shard), '', reading)]


def _shards(folder: Path) -> list[Path]:
    return [path for path in visible_folders(folder)
            if _SHARD.fullmatch(path.name)]
