"""Files that tests make: pictures and manifests."""
from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def write_picture(path: Path, value: int = 0, size: int = 4) -> Path:
    """A square PNG of one grey value."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((size, size, 3), value, np.uint8)).save(path)
    return path


def write_pairs(root: Path, rows: list[str],
                header: str = 'id split class image text') -> Path:
    """A manifest ``pairs.tsv``; each row's fields are parted by commas."""
    lines = [header.split()] + [row.split(',') for row in rows]
    path = root / 'pairs.tsv'
    path.write_text(''.join('\t'.join(line) + '\n' for line in lines),
                    encoding='utf-8')
    return path
