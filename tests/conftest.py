"""Fixtures shared by all tests."""
from __future__ import annotations

import chtn_plugin  # noqa: F401  (first: see its __init__)

from pathlib import Path  # isort: skip

import numpy as np  # isort: skip
import pytest  # isort: skip
import torch  # isort: skip
from PIL import Image  # isort: skip

# Tensors here are tiny: threads cost more than they save.
torch.set_num_threads(1)

CLASSES = ('bird', 'cat')
PIPELINE = [dict(type='LoadImageFromFile')]


def write_picture(path: Path, value: int = 0, size: int = 4) -> Path:
    """A square PNG of one grey value."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((size, size, 3), value, np.uint8)).save(path)
    return path


def write_pairs(root: Path, rows: list[str],
                header: str = 'id split class image text') -> Path:
    """A manifest ``pairs.tsv``; each row's fields are parted by ``|``."""
    lines = [header.split()] + [row.split('|') for row in rows]
    path = root / 'pairs.tsv'
    path.write_text(''.join('\t'.join(line) + '\n' for line in lines),
                    encoding='utf-8')
    return path


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """A folder of 8 pairs, two classes, with pictures and a manifest.

    Pair k is ``p<k>``: a 4×4 picture of grey value 10 k; its text has its
    class's word and its own; 4 pairs train, 2 validate, 2 test.
    """
    rows = []
    for k, split in enumerate(['train'] * 4 + ['val'] * 2 + ['test'] * 2):
        name = CLASSES[k % 2]
        write_picture(tmp_path / 'images' / f'{k}.png', 10 * k)
        rows.append(f'p{k}|{split}|{name}|images/{k}.png|{name} word{k}')
    write_pairs(tmp_path, rows)
    return tmp_path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder ``source`` of two class folders with 2 and 3 pictures."""
    for k, name in enumerate(['a/0', 'a/1', 'b/0', 'b/1', 'b/2']):
        write_picture(tmp_path / 'source' / f'{name}.png', 100 + k)
    return tmp_path / 'source'
