"""Classes of new-style configurations become registered names."""
from __future__ import annotations

import pytest
from mmengine.config import Config

from chtn_plugin.engine.type_names import name_types, types_in

_LAZY = '''
from mmengine.config import read_base
from mmengine.optim import OptimWrapper
from mmpretrain.models import ResNet
from torch.optim import SGD
from chtn_plugin import methods
from chtn_plugin.engine.fused_optimizer import FusedOptimWrapperConstructor
from chtn_plugin.losses import MMDLoss
from {module} import {name}
model = dict(type=methods.CHTN, backbone=dict(type=ResNet),
             losses=[dict(type=MMDLoss)], own=dict(type={name}))
optim_wrapper = dict(type=OptimWrapper, optimizer=dict(type=SGD),
                     constructor=FusedOptimWrapperConstructor)
'''


@pytest.fixture
def cfg(tmp_path, monkeypatch):
    (tmp_path / 'their_module.py').write_text('class Theirs:\n    pass\n')
    monkeypatch.syspath_prepend(str(tmp_path))
    path = tmp_path / 'lazy.py'
    path.write_text(_LAZY.format(module='their_module', name='Theirs'))
    cfg = Config.fromfile(str(path))
    name_types(cfg)
    return cfg


def test_classes_of_the_family_get_their_registered_names(cfg):
    assert cfg.model.type == 'CHTN'
    assert cfg.model.backbone.type == 'mmpretrain.ResNet'
    assert cfg.model.losses[0].type == 'MMDLoss'
    assert cfg.optim_wrapper.type == 'OptimWrapper'
    assert cfg.optim_wrapper.optimizer.type == 'SGD'
    assert cfg.optim_wrapper.constructor == 'FusedOptimWrapperConstructor'


def test_a_foreign_class_stays_one(cfg):
    assert cfg.model.own.type.__module__ == 'their_module'


def test_the_text_for_checkpoints_has_the_names(cfg):
    assert "type='CHTN'" in cfg.pretty_text
    assert "type='their_module.Theirs'" in cfg.pretty_text
    assert 'chtn_plugin.' not in cfg.pretty_text


@pytest.mark.parametrize('path, name', [
    ('chtn_plugin.models.CHTN', 'CHTN'),
    ('chtn_plugin.methods.chtn.CHTN', 'CHTN'),
    ('mmpretrain.models.backbones.ResNet', 'mmpretrain.ResNet'),
    ('mmcv.transforms.loading.LoadImageFromFile', 'LoadImageFromFile'),
    ('mmengine.dataset.sampler.DefaultSampler', 'DefaultSampler'),
    ('CHTN', 'CHTN'), ('mmpretrain.ResNet', 'mmpretrain.ResNet'),
    # Nobody registered these: left for check_types to refuse.
    ('mmengine.fileio.load', 'mmengine.fileio.load'),
    ('chtn_plugin.models.os.system', 'chtn_plugin.models.os.system'),
    ('mmpretrain.models.CHTN', 'mmpretrain.models.CHTN'),
    ('their_module.CHTN', 'their_module.CHTN')])
def test_a_path_of_a_stored_configuration_becomes_a_name(path, name):
    stored = dict(model=[dict(type=path)])
    name_types(stored)
    assert stored == dict(model=[dict(type=name)])


def test_types_are_found_at_any_depth():
    assert list(types_in(dict(type='A', b=[dict(type='B'), (dict(
        type='C'), )]))) == ['A', 'B', 'C']
