"""Aligned towers are tested as they are; trained models need a checkpoint."""
from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests' / 'models'))

from tiny_towers import ARCHITECTURES, write_hf_folders  # noqa: E402


def run(monkeypatch, config, *arguments):
    monkeypatch.setattr(sys, 'argv', ['test.py', str(ROOT / config),
                                      *map(str, arguments)])
    runpy.run_path(str(ROOT / 'tools' / 'test.py'), run_name='__main__')


def test_a_config_that_trains_needs_a_checkpoint(monkeypatch):
    with pytest.raises(SystemExit, match='checkpoint must be given'):
        run(monkeypatch, 'configs/chtn_demo.py')


def test_zero_shot_needs_none(monkeypatch, tmp_path, pairs, capsys):
    clip = ARCHITECTURES['clip']
    monkeypatch.setitem(ARCHITECTURES, 'clip', dict(
        clip, vision_config=dict(clip['vision_config'], image_size=224,
                                 patch_size=112)))
    write_hf_folders(tmp_path)
    options = {'model.num_classes': 2}
    for part in ('model.backbone', 'model.text_encoder',
                 'test_dataloader.dataset.text',
                 'val_dataloader.dataset.text'):
        options[f'{part}.model'] = tmp_path / 'clip'
    for split in ('val', 'test'):
        loader = f'{split}_dataloader'
        options |= {f'{loader}.num_workers': 0,
                    f'{loader}.dataset.data_root': pairs,
                    f'{loader}.dataset.val_fraction': 0,
                    f'{loader}.dataset.text.max_length': 16}
    run(monkeypatch, 'configs/chtn/clip-vit-b32_zeroshot_pascal.py',
        '--work-dir', tmp_path / 'run', '--cfg-options',
        *(f'{name}={value}' for name, value in options.items()))
    assert 'mAP' in capsys.readouterr().out
