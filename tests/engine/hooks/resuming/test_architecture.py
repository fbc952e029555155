"""Architectures of towers, written into the configuration of a run."""
from types import SimpleNamespace

import pytest
from mmengine.config import Config
from mmengine.registry import MODEL_WRAPPERS
from torch import nn

from chtn_plugin.engine.hooks.resuming.architecture import ArchitectureHook

BERT = dict(model_type='bert', hidden_size=8)
VIT = dict(model_type='vit', hidden_size=4)


class Towers(nn.Module):
    def __init__(self, **architectures):
        super().__init__()
        self.architectures = architectures

    def towers(self):
        return {name: SimpleNamespace(architecture=value)
                for name, value in self.architectures.items()}


def completed(model, **config):
    cfg = Config(dict(model=config))
    ArchitectureHook().before_run(SimpleNamespace(model=model, cfg=cfg))
    return cfg.model.to_dict() if hasattr(cfg.model, 'to_dict') else cfg.model


def test_each_tower_s_architecture_goes_to_its_own_configuration():
    model = completed(Towers(image=VIT, text=BERT),
                      trunk=dict(backbone=dict(model='a')),
                      text_encoder=dict(model='b'))
    assert model['trunk']['backbone'] == dict(model='a', architecture=VIT)
    assert model['text_encoder'] == dict(model='b', architecture=BERT)


def test_a_tower_without_an_architecture_changes_nothing():
    model = completed(Towers(image=None, text=BERT),
                      backbone=dict(model='a'), text_encoder=dict(model='b'))
    assert model['backbone'] == dict(model='a')


def test_a_wrapped_model_s_towers_are_found():
    @MODEL_WRAPPERS.register_module(force=True)
    class WrapperOfTest(nn.Module):
        def __init__(self, module):
            super().__init__()
            self.module = module

    try:
        model = completed(WrapperOfTest(Towers(text=BERT)),
                          text_encoder=dict(model='b'))
    finally:
        MODEL_WRAPPERS.module_dict.pop('WrapperOfTest')
    assert model['text_encoder']['architecture'] == BERT


def test_a_configuration_without_a_model_is_left_alone():
    cfg = Config(dict(seed=0))
    ArchitectureHook().before_run(SimpleNamespace(
        model=Towers(text=BERT), cfg=cfg))
    assert cfg.to_dict() == pytest.approx(dict(seed=0))
