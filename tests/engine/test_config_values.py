"""Values of a configuration that cannot mean anything."""
from __future__ import annotations

import math
from pathlib import Path

import pytest
from mmengine.config import Config

from chtn_plugin.engine.config_values import check_values

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize('key, value, rule', [
    ('train_cfg.val_interval', -1, 'a whole number above 0'),
    ('train_cfg.val_interval', 0, 'a whole number above 0'),
    ('train_cfg.max_iters', 2.5, 'a whole number above 0'),
    ('train_cfg.max_iters', True, 'a whole number above 0'),
    ('train_cfg.max_epochs', '3', 'a whole number above 0'),
    ('train_cfg.by_epoch', 'no', 'True or False'),
    ('randomness.seed', -1, 'from 0 to 4294967295'),
    ('randomness.seed', 2 ** 32, 'from 0 to 4294967295'),
    ('param_scheduler.T_max', 0, 'a whole number above 0'),
    ('param_scheduler.milestones', '9', 'a list of rising whole numbers'),
    ('param_scheduler.milestones', [9, 3], 'a list of rising whole numbers'),
    ('param_scheduler.milestones', [], 'a list of rising whole numbers'),
    ('param_scheduler.gamma', math.nan, 'a finite number'),
    ('train_dataloader.batch_size', 0, 'a whole number above 0'),
    ('val_dataloader.num_workers', -1, 'a whole number of 0 or more'),
    ('optim_wrapper.optimizer.lr', 'fast', 'a finite number of 0 or more'),
    ('optim_wrapper.optimizer.lr', math.inf, 'a finite number of 0 or more'),
    ('optim_wrapper.accumulative_counts', 0, 'a whole number above 0'),
    ('default_hooks.checkpoint.interval', 0, 'or -1 for never'),
    ('default_hooks.logger.interval', 0, 'a whole number above 0')])
def test_a_value_is_refused_with_its_key_and_rule(key, value, rule):
    here: object = value
    for name in reversed(key.split('.')):
        here = {name: here}
    with pytest.raises(ValueError) as error:
        check_values(here)
    assert str(error.value).startswith(f'{key} must be ')
    assert rule in str(error.value)
    assert str(error.value).endswith(f'got {value!r}')


@pytest.mark.parametrize('loader', [dict(batch_size=4), dict(dataset=7)])
def test_a_loader_needs_a_data_set(loader):
    with pytest.raises(ValueError, match='train_dataloader.dataset must be a '
                       'dictionary, got (None|7)'):
        check_values(dict(train_dataloader=loader))


def test_each_of_several_schedules_is_looked_at():
    with pytest.raises(ValueError, match=r'^param_scheduler\.1\.T_max must'):
        check_values(dict(param_scheduler=[dict(T_max=3), dict(T_max=0)]))


def test_a_schedule_must_not_end_before_it_begins():
    with pytest.raises(ValueError, match=r'param_scheduler\.0\.end must be '
                                         'above begin, got begin 5 and end 5'):
        check_values(dict(param_scheduler=[dict(begin=5, end=5)]))


@pytest.mark.parametrize('cfg', [
    {}, dict(train_cfg=None), dict(randomness=dict(seed=None)),
    dict(param_scheduler=None), dict(param_scheduler=[]),
    dict(default_hooks=dict(checkpoint=None)),
    dict(default_hooks=dict(checkpoint=dict(interval=-1,
                                            max_keep_ckpts=-1)))])
def test_what_means_something_passes(cfg):
    check_values(cfg)


@pytest.mark.parametrize('path', sorted((ROOT / 'configs').glob('*.py')),
                         ids=lambda path: path.stem)
def test_every_shipped_configuration_passes(path):
    check_values(Config.fromfile(path))
