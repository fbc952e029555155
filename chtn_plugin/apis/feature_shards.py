"""Features of a data set in shards, made anywhere, and joined to one file."""
from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

import numpy as np

from ..storage.arrays import ArrayFile
from ..storage.npz_parts import join_parts

_NAME = re.compile(r'(\d+)-of-(\d+)\.npz')
#: Pairs of variables that launchers set: which process, of how many.
_LAUNCHERS = (
    ('SLURM_ARRAY_TASK_ID', 'SLURM_ARRAY_TASK_COUNT', 'SLURM_ARRAY_TASK_MIN'),
    ('RANK', 'WORLD_SIZE', None), ('SLURM_PROCID', 'SLURM_NTASKS', None))
#: Texts in an .npz are as wide as the longest; wider ones are left out.
MAX_CONTENT_BYTES = 2 << 30


@dataclass(frozen=True)
class Shard:
    """One of several equal parts of a data set's pairs.

    Attributes:
        number: Which, from 1.
        count: Of how many.

    Raises:
        ValueError: The number does not lie in [1, count].
    """
    number: int
    count: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.count:
            raise ValueError('a shard must be one of 1/N to N/N, got '
                             f'{self.number}/{self.count}')

    @classmethod
    def parse(cls, text: str,
              environment: Optional[Mapping[str, str]] = None) -> Shard:
        """Read ``'3/64'``, or ``'auto'``: as the launcher says.

        torchrun (and ``mpirun``-like launchers that set ``RANK`` and
        ``WORLD_SIZE``), a Slurm array and ``srun`` say which process this is.

        Args:
            text: What the user named.
            environment: Variables of the process; None: its own.

        Raises:
            ValueError: It is neither, or no launcher is known here.
        """
        if text == 'auto':
            known = os.environ if environment is None else environment
            for number, count, first in _LAUNCHERS:
                if number in known and count in known:
                    start = int(known.get(first, 0)) if first else 0
                    return cls(int(known[number]) - start + 1,
                               int(known[count]))
            raise ValueError(
                'the shard auto must be started by torchrun, srun or as a '
                'Slurm array, whose variables ('
                + ', '.join(number for number, _, _ in _LAUNCHERS)
                + ') say which it is: none is set')
        match = re.fullmatch(r'(\d+)/(\d+)', text)
        if not match:
            raise ValueError('a shard must be named as 3/64, or auto, got '
                             f'{text!r}')
        return cls(int(match[1]), int(match[2]))

    def rows(self, total: int) -> tuple[int, int]:
        """First and last of the shard's rows, of so many; last excluded."""
        return ((self.number - 1) * total // self.count,
                self.number * total // self.count)

    @property
    def file_name(self) -> str:
        """Name of its file; names sort in the order of the shards."""
        width = len(str(self.count))
        return f'{self.number:0{width}}-of-{self.count}.npz'


def shard_folder(out: str | Path) -> Path:
    """Folder of the shards that are to become a file."""
    return Path(out).with_suffix('.shards')


def shard_meta(path: Path) -> Optional[dict[str, Any]]:
    """What a shard says of itself; None: it is none, or not whole."""
    try:
        meta = json.loads(str(ArrayFile(path, 'shard')['meta']))
        return meta if isinstance(meta, dict) and 'shard' in meta else None
    except (OSError, ValueError, KeyError):
        return None


def merge_shards(folder: str | Path, out: str | Path) -> dict[str, Any]:
    """Join the shards of a folder, without loading them.

    Args:
        folder: What ``--shard`` wrote into.
        out: The ``.npz`` to write, as one process would have written it;
            ``content_S`` is left out where it would take over 2 GiB.

    Returns:
        ``rows``: number of rows by split. ``left_out``: names of the arrays
        that were left out.

    Raises:
        FileNotFoundError: There is no shard, or one is missing; the message
            names the first.
        ValueError: A shard is damaged, or of another extraction.
    """
    folder = Path(folder)
    paths = sorted(path for path in folder.glob('*.npz')
                   if _NAME.fullmatch(path.name))
    if not paths:
        raise FileNotFoundError(f'{folder} holds no shards, such as '
                                f'{Shard(1, 4).file_name}')
    metas = {}
    for path in paths:
        meta = shard_meta(path)
        if meta is None:
            raise ValueError(f'a shard must be whole: {path} is damaged. '
                             'Delete it and make it again')
        metas[path] = meta
    first = metas[paths[0]]
    for path, meta in metas.items():
        # Encoders too: 'auto' may have found another on another machine.
        if dict(meta, shard=dict(meta['shard'], number=0)) != dict(
                first, shard=dict(first['shard'], number=0)):
            raise ValueError(
                'shards must be of one extraction: '
                f'{path} has other data, options or encoders than '
                f'{paths[0]}. Delete those of the other one')
    count = first['shard']['count']
    there = {meta['shard']['number'] for meta in metas.values()}
    missing = [number for number in range(1, count + 1)
               if number not in there]
    if missing:
        names = ', '.join(f'{number}/{count}' for number in missing[:5])
        raise FileNotFoundError(f'{len(missing)} of {count} shards are '
                                f'missing in {folder}: {names}')
    meta = {name: value for name, value in first.items() if name != 'shard'}
    rows = join_parts(
        paths, out,
        dict(classes=ArrayFile(paths[0], 'shard')['classes'],
             meta=np.array(json.dumps(meta))),
        lambda name, size: (name.startswith('content_')
                            and size > MAX_CONTENT_BYTES),
        lambda name: name.endswith('_indptr'))
    counts = Counter({name.removeprefix('image_'): number
                      for name, number in rows.items()
                      if name.startswith('image_')})
    return dict(rows=dict(counts), left_out=[
        name for name, number in rows.items() if number < 0])
