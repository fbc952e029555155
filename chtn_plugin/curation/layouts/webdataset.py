"""WebDataset's shards: ``.tar`` files of ``7.jpg``, ``7.txt``, ``7.cls``.

https://github.com/webdataset/webdataset.
"""
from __future__ import annotations

import tarfile
import tempfile
from pathlib import Path
from typing import Optional

from ...storage.archives import is_archive, unpack
from ...storage.folders import visible_files, visible_folders, walk_files
from ...storage.pictures import SUFFIXES as IMAGE_SUFFIXES
from ...storage.shards import opened
from ..own_tables import SPLITS, Row
from .layout import UNPACKED, Reading, split_in_name, without_single_split
from .samples import is_sample, key_of, read_samples

# Members of an archive that are looked at to tell whether it is a shard.
_LOOKED_AT = 16


def recognises(folder: Path) -> Optional[str]:
    """Name the first shard; see :class:`~.layout.Layout`."""
    shards = _shards(folder)
    if not shards or not _holds_samples(shards[0][0]):
        return None
    return (f'found {shards[0][0].relative_to(folder)}, whose files share '
            'names')


def rows(folder: Path, reading: Reading) -> list[Row]:
    """Unpack the shards into ``unpacked`` and read them, or leave them.

    The splits are those of folders ``train``, ``val`` and ``test``, or of
    the shards' names.

    Raises:
        FileNotFoundError: There is none.
        ValueError: A shard is damaged or unsafe, or a file in it broken.
    """
    shards = _shards(folder)
    if not shards:
        raise FileNotFoundError(f'{folder} has no .tar files')
    pairs: list[Row] = []
    for path, split in shards:
        if reading.in_place:
            pairs += _in_place(folder, path, split, reading)
            continue
        name = path.relative_to(folder).with_suffix('')
        inside = unpack(path, folder / UNPACKED / name)
        pairs += read_samples(folder, walk_files(inside), split, reading)
    return without_single_split(pairs)


def _in_place(folder: Path, path: Path, split: str,
              reading: Reading) -> list[Row]:
    """Read a shard whose pictures stay in it."""
    if path.suffix.lower() != '.tar':
        raise ValueError('a shard must not be compressed to be read where it '
                         f'lies: {path}. Leave --in-place out, or unpack it')
    shard = opened(path)
    with tempfile.TemporaryDirectory() as held:
        # Texts and labels as files, for their readers; pictures are not
        # looked at yet.
        files: dict[Path, Path] = {}
        for number, name in enumerate(shard.in_order()):
            kind = key_of(name.rpartition('/')[2])[1]
            files[path / name] = Path(held, str(number))
            if not f'.{kind}'.endswith(IMAGE_SUFFIXES):
                files[path / name].write_bytes(shard.read(name))
        return read_samples(folder, files, split, reading, files.__getitem__)


def _shards(folder: Path) -> list[tuple[Path, str]]:
    places = [(folder, ''), *((path, SPLITS[path.name.lower()])
                              for path in visible_folders(folder)
                              if path.name.lower() in SPLITS)]
    return [(path, split or split_in_name(path.stem))
            for place, split in places for path in visible_files(place)
            if is_archive(path) and '.tar' in path.name.lower()]


def _holds_samples(path: Path) -> bool:
    kinds: dict[str, set[str]] = {}
    try:
        with tarfile.open(path) as archive:
            for number, member in enumerate(archive):
                place, _, name = member.name.rpartition('/')
                key, kind = key_of(name)
                if member.isfile() and kind:
                    kinds.setdefault(f'{place}/{key}', set()).add(kind)
                if number == _LOOKED_AT:
                    break
    except (tarfile.TarError, EOFError, OSError):
        # A damaged one is a shard as far as it can be read; reading says so.
        pass
    return any(map(is_sample, kinds.values()))
