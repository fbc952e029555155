"""Every configuration loads, builds, and has no key that nothing reads."""
from __future__ import annotations

import difflib
import inspect
from pathlib import Path

import pytest
import torch
from mmengine import registry
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS
from mmengine.runner import Runner

ROOT = Path(__file__).parents[1]
CONFIGS = sorted(path for path in (ROOT / 'configs').rglob('*.py')
                 if '_base_' not in path.parts)
NAMES = [str(path.relative_to(ROOT)) for path in CONFIGS]
REGISTRIES = [value for value in vars(registry).values()
              if isinstance(value, registry.Registry)]
# What is read beside the Runner's arguments.
READ = set(inspect.signature(Runner).parameters) | {
    'custom_imports', 'model_wrapper_cfg', 'find_unused_parameters',
    'runner_type', 'strategy'}
# Keys of a dictionary that are taken on the way to its class.
TAKEN = {'hook': {'priority'},
         'optim_wrapper': {'constructor', 'paramwise_cfg'}}


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


def known_keys(name):
    """What a type of any registry takes; None: whatever comes."""
    known, found = {'type'}, False
    for place in REGISTRIES:
        try:
            entry = place.get(name)
        except ImportError as error:
            pytest.skip(f'{name} cannot be imported here: {error}')
        if entry is None:
            continue
        found = True
        known |= TAKEN.get(place.name, set())
        # What it passes on, its parents take.
        for made in getattr(entry, '__mro__', (entry, )):
            parameters = inspect.signature(made).parameters
            known |= set(parameters)
            if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
                break
        else:
            return None
    return known if found else set()


def strange_keys(value, where):
    """Keys, at any depth, that the class of their dictionary lacks."""
    if isinstance(value, (list, tuple)):
        for number, entry in enumerate(value):
            yield from strange_keys(entry, f'{where}[{number}]')
    if not isinstance(value, dict):
        return
    if isinstance(value.get('type'), str):
        known = known_keys(value['type'])
        if known is not None:
            yield from (f'{where}.{key}' for key in value if key not in known)
    for key, entry in value.items():
        yield from strange_keys(entry, f'{where}.{key}')


def test_model_builds(path):
    assert built(Config.fromfile(path)).num_classes > 1


def test_every_key_is_taken_by_its_class(path):
    config = Config.fromfile(path)
    for name in sorted(READ & set(config)):
        assert not list(strange_keys(config[name], name))


def test_no_top_level_key_looks_misspelt(path):
    # Others are variables of the file itself.
    for name in set(Config.fromfile(path)) - READ:
        assert not difflib.get_close_matches(name, READ, 1, 0.85)


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
    assert list(strange_keys(model, 'model')) == ['model.image_pathway.width']


def test_unknown_type_is_found():
    assert list(strange_keys([dict(type='CHTNN')], 'x')) == ['x[0].type']


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
