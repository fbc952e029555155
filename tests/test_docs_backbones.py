"""What docs/backbones.md shows builds as it stands there."""
from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS

ROOT = Path(__file__).resolve().parents[1]
LEAF = 'chtn_resnet50-bow_1xb64-300i_pascal.py'
BLOCKS = re.findall(r'```python\n(.*?)```',
                    (ROOT / 'docs/backbones.md').read_text(), re.DOTALL)
LEAVES = [block for block in BLOCKS if not block.startswith('from ')]
DINOV2 = dict(model_type='dinov2', hidden_size=8, num_hidden_layers=1,
              num_attention_heads=2, mlp_ratio=1, image_size=224,
              patch_size=112)
HAS_PEFT = all(map(importlib.util.find_spec, ('peft', 'accelerate')))


def named(block):
    return '-'.join(dict.fromkeys(re.findall(
        r"HFVision\w+|mmpretrain\.\w+|TwoConvs|lora|custom_keys|normalization",
        block)))


@pytest.fixture
def config(tmp_path, monkeypatch):
    """A leaf of what a block says, beside the others."""
    module, = (block for block in BLOCKS if 'class TwoConvs' in block)
    (tmp_path / 'my_backbone.py').write_text(module)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(MODELS.module_dict, 'TwoConvs', raising=False)
    monkeypatch.delitem(sys.modules, 'my_backbone', raising=False)

    def made(block):
        if '_base_' not in block:
            block = f'_base_ = [{LEAF!r}]\n{block}'
        base = str(ROOT / 'configs/chtn' / LEAF)
        path = tmp_path / 'leaf.py'
        path.write_text(block.replace(repr(LEAF), repr(base)))
        return Config.fromfile(path)
    return made


@pytest.mark.parametrize('block', LEAVES, ids=named)
def test_block_is_a_leaf_that_builds(block, config):
    if 'lora=' in block and not HAS_PEFT:
        pytest.skip('peft is an extra: pip install peft accelerate --no-deps')
    cfg = config(block)
    if cfg.model.backbone.get('model') == 'facebook/dinov2-small':
        cfg.model.backbone.architecture = DINOV2
    model = MODELS.build(cfg.model)
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    held = {id(p) for group in wrapper.optimizer.param_groups
            for p in group['params']}
    assert {id(p) for p in model.parameters() if p.requires_grad} <= held
    trained = [name for name, p in model.trunk.named_parameters()
               if p.requires_grad]
    if 'lora=' in block:
        assert trained and all('lora' in name for name in trained)
    elif cfg.model.trunk_mode == 'frozen':
        assert not trained
    else:
        assert trained


def test_all_blocks_are_found():
    assert len(LEAVES) == 8


def test_the_line_of_the_readme_builds(tmp_path):
    line = re.search(r'^model = dict\(backbone=.*$', (
        ROOT / 'README.md').read_text(), re.MULTILINE)[0]
    base = str(ROOT / 'configs/chtn_webnews_photos.py')
    (tmp_path / 'leaf.py').write_text(f'_base_ = [{base!r}]\n{line}\n')
    model = MODELS.build(Config.fromfile(tmp_path / 'leaf.py').model)
    assert type(model.trunk.backbone).__name__ == 'ResNet'
    assert model.trunk.mode == 'train' and model.trunk.out_features == 512
