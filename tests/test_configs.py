"""Every configuration loads, builds, and has no key that nothing reads."""
from __future__ import annotations

from pathlib import Path

import pytest
import torch
from mmengine import registry
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS

from chtn_plugin.engine.options import check_config, strange_keys

ROOT = Path(__file__).parents[1]
CONFIGS = sorted(path for path in (ROOT / 'configs').rglob('*.py')
                 if '_base_' not in path.parts)
NAMES = [str(path.relative_to(ROOT)) for path in CONFIGS]
REGISTRIES = [value for value in vars(registry).values()
              if isinstance(value, registry.Registry)]


@pytest.fixture(params=CONFIGS, ids=NAMES)
def path(request):
    return request.param


def built(config):
    """The model without memory for its weights, or a skip."""
    try:
        try:
            with torch.device('meta'):
                return MODELS.build(config.model)
        except RuntimeError:
            # Some backbones look at a tensor's value while they are made.
            return MODELS.build(config.model)
    except OSError as error:
        pytest.skip(f'weights are not here: {error}')


def types(value):
    """Every type that a configuration names."""
    if isinstance(value, dict):
        if isinstance(value.get('type'), str):
            yield value['type']
        value = value.values()
    if isinstance(value, (list, tuple, type({}.values()))):
        for entry in value:
            yield from types(entry)


def test_model_builds(path):
    config = Config.fromfile(path)
    model = built(config)
    if config.model.get('num_classes') is None:
        # A method that needs no number of classes: all others refuse it.
        assert model.num_classes is None
    else:
        assert model.num_classes > 1


def test_every_key_is_taken_by_its_class(path):
    check_config(Config.fromfile(path))


def test_every_type_is_registered(path):
    named = set(types(Config.fromfile(path).to_dict()))
    assert 'RetrievalMetric' in named
    for name in named:
        try:
            assert any(place.get(name) for place in REGISTRIES), name
        except ImportError as error:
            pytest.skip(f'{name} cannot be imported here: {error}')


def test_first_lines_hold_the_command(path):
    head = path.read_text().split('\n_base_')[0]
    words = ' '.join(head.replace('\\\n#', '').split())
    # A configuration that trains nothing names another tool.
    assert 'python tools/' in words
    assert f' {path.relative_to(ROOT)}' in words


def test_best_checkpoint_is_not_chosen_on_the_test_split(path):
    config = Config.fromfile(path)
    if config.get('val_dataloader'):
        assert config.val_dataloader.dataset != config.test_dataloader.dataset


def test_misspelt_key_is_found():
    model = dict(type='CHTN', num_classes=2,
                 image_pathway=dict(type='Pathway', width=(4, 4)))
    assert [key for key, _ in strange_keys(model, 'model')] == [
        'model.image_pathway.width']


def test_unknown_type_is_found():
    name, = types([dict(type='CHTNN')])
    assert not any(place.get(name) for place in REGISTRIES)


# The release, METHOD.md §3.


@pytest.fixture(scope='module')
def released():
    return Config.fromfile(ROOT / 'configs' / 'chtn_wiki.py')


def test_released_updates(released):
    assert released.optim_wrapper.accumulative_counts == 16
    assert released.train_cfg.max_iters == 500 * 16
    assert released.train_dataloader.batch_size == 64


def test_released_rates_and_decay(released):
    model = built(released)
    wrapper = build_optim_wrapper(model, released.optim_wrapper)
    groups = {id(group['params'][0]): (group['lr'], group['weight_decay'])
              for group in wrapper.optimizer.param_groups}
    found = {name: groups[id(value)] for name, value in
             model.named_parameters() if value.requires_grad
             and 'text_encoder' not in name}
    assert found == {name: (0.02, 0) if name.endswith('bias') else
                     (0.01, 5e-4) for name in found}
    assert len(found) == 2 * (3 * 2 + 1 + 3)


def test_released_trunk_is_not_trained(released):
    model = built(released)
    assert not any(p.requires_grad for p in model.trunk.parameters())
    assert model.trunk.out_features == 9216
