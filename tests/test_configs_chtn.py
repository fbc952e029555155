"""The leaves of configs/chtn: short, runnable as they say, and buildable."""
from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS

from chtn_plugin.curation.preparation.pascal import CLASSES

ROOT = Path(__file__).resolve().parents[1]
LEAVES = sorted(ROOT.glob('configs/chtn/*.py'))
# What the folders would say of the towers whose weights are not to be had.
ARCHITECTURES = {
    'openai/clip-vit-base-patch32': dict(model_type='clip'),
    'google-bert/bert-base-uncased': dict(model_type='bert'),
    'sentence-transformers/all-MiniLM-L6-v2': dict(
        model_type='bert', hidden_size=384, num_hidden_layers=6,
        num_attention_heads=12, intermediate_size=1536),
}


def name(path):
    return path.stem


@pytest.mark.parametrize('path', LEAVES, ids=name)
def test_its_first_lines_say_how_to_run_it(path):
    comment = path.read_text().split('_base_')[0].replace('\\\n#', '')
    command = next(line for line in comment.splitlines() if 'tools/' in line)
    tool, config = command.split()[2:4]
    assert (ROOT / tool).is_file() and ROOT / config == path
    assert 'Expect:' in comment


@pytest.mark.parametrize(
    'path', [path for path in LEAVES if 'xb' in path.stem], ids=name)
def test_its_name_tells_batch_and_iterations(path):
    cfg = Config.fromfile(str(path))
    found = re.search(r'_1xb(\d+)-(\d+)i_', path.name)
    assert cfg.train_dataloader.batch_size == int(found[1])
    assert cfg.train_cfg.max_iters == int(found[2])
    schedules = cfg.param_scheduler
    last = schedules if isinstance(schedules, dict) else schedules[-1]
    assert int(found[2]) in (last.get('T_max'), last.get('end'))


@pytest.mark.parametrize('path', LEAVES, ids=name)
def test_it_is_two_levels_deep(path):
    bases = Config.fromfile(str(path))
    assert bases.model.type == 'CHTN'
    for base in path.read_text().split('_base_ = [')[1].split(']')[0].split():
        text = (path.parent / base.strip("',")).read_text()
        assert '_base_ =' not in text


@pytest.mark.parametrize('path', LEAVES, ids=name)
def test_its_text_transform_and_encoder_fit(path):
    cfg = Config.fromfile(str(path))
    text, encoder = (cfg.test_dataloader.dataset.text, cfg.model.text_encoder)
    for key in ('num_words', 'vectors', 'model'):
        assert text.get(key) == encoder.get(key), key
    if text.type == 'BagOfWords':
        assert text.num_terms == encoder.out_features
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        if loader is not None:
            target = loader.dataset.get('target', loader.dataset)
            assert target.text == text


@pytest.mark.parametrize('path', [
    path for path in LEAVES if 'pascal' in path.stem], ids=name)
def test_photos_have_all_classes_of_pascal_and_features_six(path):
    cfg = Config.fromfile(str(path))
    ready = cfg.test_dataloader.dataset.get('image_features')
    assert cfg.model.num_classes == (6 if ready else len(CLASSES))


@pytest.mark.slow
@pytest.mark.parametrize('path', LEAVES, ids=name)
def test_it_builds(path):
    cfg = Config.fromfile(str(path)).model
    for tower in (cfg.backbone, cfg.text_encoder):
        if tower is not None and tower.get('model') in ARCHITECTURES:
            tower.architecture = ARCHITECTURES[tower.model]
    model = MODELS.build(cfg)
    size = model.text_encoder.out_features
    assert model.text_pathway.in_features == size
    assert model.image_pathway.in_features == model.trunk.out_features
    assert all(p.dtype == torch.float32 for p in model.parameters())
