"""From a folder of pictures to an evaluated model, with no Python."""
from __future__ import annotations

import json
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.runner import Runner
from PIL import Image
from tiny_towers import write_hf_folders

from chtn_plugin.curation.own_data import make_manifest
from chtn_plugin.curation.own_pairs import Options
from chtn_plugin.models import encoder_presets
from chtn_plugin.models.backbones.hf_vision import HFVisionBackbone

ROOT = Path(__file__).parents[2]
SCRATCH = dict(images='scratch', texts='words')
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
    make_manifest(data, Options(fractions=(.6, .2, .2), **SCRATCH), config,
                  lambda line: None)
    assert 0 <= trained(config, tmp_path)['retrieval/mean_mAP'] <= 1


def trained(config, tmp_path):
    """Train four iterations; the figures of the test split."""
    cfg = Config.fromfile(str(config))
    cfg.merge_from_dict(dict(
        work_dir=str(tmp_path / 'work'),
        train_cfg=dict(max_iters=4, val_interval=4),
        train_dataloader=dict(num_workers=0, persistent_workers=False),
        custom_hooks=[dict(type='FitHook')], vis_backends=[],
        experiment_name=f'own-{tmp_path.name}'))
    cfg.default_hooks.checkpoint.interval = 4
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner.test()


def log(tmp_path):
    """Lines that the run logged, as dictionaries."""
    path, = tmp_path.glob('work/*/vis_data/scalars.json')
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_source_domain_is_trained_on(tmp_path, configs, source):
    data = make_data(tmp_path / 'data', lambda kind: f'class {kind}')
    config = configs / 'own.py'
    make_manifest(data, Options(source=source, **SCRATCH), config,
                  lambda line: None)
    assert 0 <= trained(config, tmp_path)['retrieval/mean_mAP'] <= 1
    losses = {name for line in log(tmp_path) for name in line}
    assert {'loss_cls_source', 'loss_mmd_fc6', 'loss_mmd_fc7'} <= losses


def test_pretrained_network_is_run_once_a_picture(tmp_path, configs,
                                                  monkeypatch):
    from transformers import ViTConfig, ViTModel
    monkeypatch.chdir(tmp_path)
    vit = tmp_path / 'vit'
    ViTModel(ViTConfig(hidden_size=8, num_hidden_layers=1,
                       num_attention_heads=2, intermediate_size=8,
                       image_size=16, patch_size=8)).save_pretrained(vit)
    (vit / 'preprocessor_config.json').write_text(json.dumps(dict(
        image_mean=[.5] * 3, image_std=[.5] * 3, size=16)))
    data = make_data(tmp_path / 'data', lambda kind: f'class {kind}')
    config = configs / 'own.py'
    make_manifest(data, Options(images=str(vit), texts='words'), config,
                  lambda line: None)
    passed = []
    forward = HFVisionBackbone.forward
    monkeypatch.setattr(HFVisionBackbone, 'forward', lambda self, images: (
        passed.append(len(images)), forward(self, images))[1])
    assert 0 <= trained(config, tmp_path)['retrieval/mean_mAP'] <= 1
    # Two images when the model is built, to learn its width and layout; then
    # the 27.
    assert sum(passed) == 2 + 27


@pytest.mark.parametrize('preset, image, text', [
    ('clip', 'clip', 'clip'), ('dino-minilm', 'dinov2', 'bert')])
def test_a_preset_of_the_hub_trains_from_its_weights(
        tmp_path, configs, monkeypatch, preset, image, text):
    # Tiny random models of the same kind in folders stand for the hub's.
    monkeypatch.chdir(tmp_path)
    write_hf_folders(tmp_path / 'hub')
    (tmp_path / 'hub' / image / 'preprocessor_config.json').write_text(
        json.dumps(dict(image_mean=[.5] * 3, image_std=[.5] * 3, size=32)))
    for presets, name in ((encoder_presets.IMAGE_PRESETS, image),
                          (encoder_presets.TEXT_PRESETS, text)):
        monkeypatch.setitem(presets, preset,
                            (str(tmp_path / 'hub' / name), 'a tiny twin'))
    data = make_data(tmp_path / 'data', lambda kind: f'class {kind}')
    config = configs / 'own.py'
    said = []
    make_manifest(data, Options(images=preset, texts=preset), config,
                  said.append)
    assert any(f'pictures by {preset} (a tiny twin), texts by {preset}'
               in line for line in said)
    assert 0 <= trained(config, tmp_path)['retrieval/mean_mAP'] <= 1


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


def run(monkeypatch, *args):
    """The exit status of the tool, in this process."""
    monkeypatch.setattr(sys, 'argv', [str(TOOL), *map(str, args)])
    return runpy.run_path(str(TOOL), run_name='tool')['main']()


def test_edited_manifest_is_replaced_on_request(tmp_path, configs,
                                                monkeypatch, capsys):
    data = make_data(tmp_path / 'data', lambda kind: f'class {kind}')
    command = (monkeypatch, data, '--config', configs / 'own.py')
    assert run(*command) == run(*command) == 0
    manifest = data / 'manifest.tsv'
    written = manifest.read_text()
    manifest.write_text(written.replace('word1', 'word3'))
    assert run(*command) == 1
    assert f'error: {manifest} was not written' in capsys.readouterr().err
    assert manifest.read_text() != written
    assert run(*command, '--overwrite') == 0
    assert manifest.read_text() == written


def test_configuration_needs_pairs_to_validate_on(tmp_path, configs,
                                                  monkeypatch, capsys):
    data = make_data(tmp_path / 'data', lambda kind: f'class {kind}')
    shares = ('--split', '.8', '0', '.2')
    assert run(monkeypatch, data, '--config', configs / 'own.py',
               *shares) == 1
    assert "'val', which is left empty: its share is 0" in (
        capsys.readouterr().err)
    assert run(monkeypatch, data, '--no-config', *shares) == 0


@pytest.mark.parametrize('option', ['--source', '--backbone', '--images',
                                    '--texts'])
def test_options_of_the_configuration_need_one(tmp_path, monkeypatch, capsys,
                                               option):
    with pytest.raises(SystemExit, match='2'):
        run(monkeypatch, tmp_path, '--no-config', option, 'x')
    assert '--no-config leaves out' in capsys.readouterr().err


@pytest.mark.parametrize('options, reason', [
    (['--source', 'none'], 'source images not found'),
    (['--backbone', 'nobody/nothing'], 'hf download nobody/nothing')])
def test_what_cannot_be_had_is_named(tmp_path, configs, monkeypatch, capsys,
                                     options, reason):
    data = make_data(tmp_path / 'data', lambda kind: f'class {kind}')
    assert run(monkeypatch, data, '--config', configs / 'own.py',
               *options) == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith('error: ') and reason in said
    assert not (configs / 'own.py').exists()


def robbed(folder):
    """The same data, where half of each split's rows have lost the class."""
    table = folder / 'captions.csv'
    head, *rows = table.read_text().splitlines()
    splits = ['train'] * 18 + ['val'] * 6 + ['test'] * 6
    table.write_text('\n'.join([f'{head},split'] + [
        f'{row if number % 6 < 3 else row.rpartition(",")[0] + ","},{split}'
        for number, (row, split) in enumerate(zip(rows, splits,
                                                  strict=True))]))
    return folder


def test_rows_without_a_class_are_trained_on_and_not_scored_by_class(
        tmp_path, configs):
    data = robbed(make_data(tmp_path / 'data', lambda kind: f'class {kind}'))
    config = configs / 'own.py'
    records = make_manifest(data, Options(**SCRATCH), config,
                            lambda line: None)
    assert sum(not record.classes for record in records) == 15
    assert 0 <= trained(config, tmp_path)['retrieval/mean_mAP'] <= 1
    losses = {name for line in log(tmp_path) for name in line}
    assert {'loss_pair_teacher', 'agreement_unlabelled'} <= losses
