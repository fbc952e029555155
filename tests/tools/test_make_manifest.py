"""From a folder of pictures to an evaluated model, with no Python."""
from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from chtn_plugin.datasets.own_data import Options, make_manifest

from mmengine.runner import Runner  # isort: skip

ROOT = Path(__file__).parents[2]
TOOL = ROOT / 'tools' / 'make_manifest.py'


@pytest.fixture
def configs(tmp_path):
    """A configs folder with the real ``_base_``."""
    folder = tmp_path / 'configs'
    folder.mkdir()
    (folder / '_base_').symlink_to(ROOT / 'configs' / '_base_')
    return folder


def make_data(folder, label):
    """Thirty coloured pictures with captions; every tenth row is half."""
    rows = ['image,text,label']
    for index in range(30):
        kind = index % 3
        colour = [40, 40, 40]
        colour[kind] = 200
        pixels = np.random.default_rng(index).integers(
            0, 40, (20, 20, 3)) + colour
        (folder / 'images').mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.astype(np.uint8)).save(
            folder / f'images/{index}.png')
        image = '' if index % 10 == 9 else f'{index}.png'
        rows.append(f'{image},word{kind} and number {index},{label(kind)}')
    (folder / 'captions.csv').write_text('\n'.join(rows))
    return folder


@pytest.mark.parametrize('label', [
    lambda kind: f'class {kind}',
    lambda kind: f'class {kind};{"warm" if kind else "cold"}',
], ids=['one label', 'several labels'])
def test_written_config_trains_and_evaluates(tmp_path, configs, label):
    data = make_data(tmp_path / 'data', label)
    config = configs / 'own.py'
    make_manifest(data, Options(fractions=(.6, .2, .2)), config,
                  lambda line: None)
    cfg = Config.fromfile(str(config))
    cfg.merge_from_dict(dict(
        work_dir=str(tmp_path / 'work'), image_size=16,
        train_cfg=dict(max_iters=4, val_interval=4),
        train_dataloader=dict(num_workers=0, persistent_workers=False),
        custom_hooks=[], vis_backends=[],
        experiment_name=f'own-{tmp_path.name}'))
    cfg.default_hooks.checkpoint.interval = 4
    runner = Runner.from_cfg(cfg)
    runner.train()
    figures = runner.test()
    assert 0 <= figures['retrieval/mean_mAP'] <= 1


def test_tool_writes_both_files_and_says_what_is_next(tmp_path, configs):
    data = make_data(tmp_path / 'data', lambda kind: f'class {kind}')
    result = subprocess.run(
        [sys.executable, TOOL, data, '--config', configs / 'own.py'],
        capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert 'tools/train.py' in result.stdout
    assert (data / 'manifest.tsv').is_file()
    result = subprocess.run([sys.executable, TOOL, tmp_path / 'no'],
                            capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stderr.startswith('error: no such folder')
