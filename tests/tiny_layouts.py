"""Twelve little pictures of three classes, and one iteration over them."""
from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmengine.runner import Runner
from PIL import Image

from chtn_plugin.curation.layouts.layout import Reading
from chtn_plugin.curation.own_data import make_manifest
from chtn_plugin.curation.own_pairs import Options

CLASSES = ('blue', 'green', 'red')
SIZE = 12
_CONFIGS = Path(__file__).parents[1] / 'configs'


def class_of(number: int) -> str:
    """Class of a picture."""
    return CLASSES[number % 3]


def caption(number: int, which: int = 0) -> str:
    """A caption, of few enough words that pairs may share all but one."""
    return f'{class_of(number)} thing {number} {which}'


def write_pictures(folder: Path, pattern: str = '{}.jpg') -> list[str]:
    """Write the pictures; their names by number."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [pattern.format(number) for number in range(SIZE)]
    for number, name in enumerate(names):
        pixels = np.random.default_rng(number).integers(0, 60, (16, 16, 3))
        pixels[..., 2 - number % 3] += 190
        Image.fromarray(pixels.astype(np.uint8)).save(folder / name)
    return names


def rows_of(module, folder: Path, **reading):
    """What a layout reads, its classes not asked for."""
    return module.rows(folder, Reading(**dict(dict(needs_label=False),
                                              **reading)))


def train_once(folder: Path, work: Path, **options) -> dict:
    """Make a manifest and a configuration, and train one iteration.

    Args:
        folder: The data.
        work: A folder besides, for the configuration and the run.
        options: Of :class:`Options`.

    Returns:
        The rows of the manifest by split; the loss was finite.
    """
    configs = work / 'configs'
    configs.mkdir(parents=True)
    (configs / '_base_').symlink_to(_CONFIGS / '_base_')
    chosen = dict(dict(images='scratch', texts='words',
                       fractions=(.5, .25, .25)), **options)
    records = make_manifest(folder, Options(**chosen), configs / 'own.py',
                            lambda line: None)
    cfg = Config.fromfile(str(configs / 'own.py'))
    cfg.merge_from_dict(dict(
        work_dir=str(work / 'run'), custom_hooks=[], vis_backends=[],
        train_cfg=dict(max_iters=1, val_interval=1),
        train_dataloader=dict(num_workers=0, persistent_workers=False),
        experiment_name=f'layout-{work.name}'))
    runner = Runner.from_cfg(cfg)
    runner.train()
    loss = runner.message_hub.get_scalar('train/loss').current()
    assert math.isfinite(loss)
    found: dict[str, list] = {}
    for record in records:
        found.setdefault(record.split, []).append(record)
    return found
