"""A run that is cut off ends as one that is not, under every loop."""
from __future__ import annotations

import contextlib
import io
import itertools

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from short_run import write_config

from chtn_plugin.engine.hooks.resuming import exact_resume
from chtn_plugin.engine.resume import choose_resume

#: Four iterations an epoch, three epochs.
LENGTH, EPOCHS = 4, 3
NUMBERS = itertools.count()
#: The unit of checkpoints: by_epoch, interval.
UNITS = {'each iteration': (False, 1), 'within epochs': (False, 3),
         'at each end': (False, 4), 'each epoch': (True, 1)}


# The unit that was wrong; the others take their time.
ALL = [pytest.param(name, marks=[pytest.mark.slow] * (name != 'at each end'))
       for name in UNITS]


class Killed(Exception):
    pass


class KillHook(Hook):
    """Ends the run at the number-th call of a hook's place.

    After everything else there, the checkpoint too.
    """
    priority = 'LOWEST'

    def __init__(self, place, number):
        self.place, self.number, self.calls = place, number, 0

    def _call(self, place):
        self.calls += place == self.place
        if place == self.place and self.calls == self.number:
            raise Killed

    def after_train_iter(self, *args, **kwargs):
        self._call('iteration')

    def after_train_epoch(self, runner):
        self._call('epoch')

    def before_val_epoch(self, runner):
        self._call('validation')

    def after_val_epoch(self, runner, metrics=None):
        self._call('validated')


class Validations(Hook):
    def __init__(self):
        self.at = []

    def after_val_epoch(self, runner, metrics=None):
        self.at.append(runner.iter)


def go(config, folder, unit, by_epoch=True, kill=None, resume=False,
       change=None):
    """Train in this process; the Runner, and where it validated."""
    cfg = Config.fromfile(config)
    cfg.work_dir, cfg.launcher = str(folder), 'none'
    cfg.experiment_name = f'resume{next(NUMBERS)}'
    cfg.log_level = 'ERROR'
    if by_epoch:
        cfg.train_cfg = dict(by_epoch=True, max_epochs=EPOCHS, val_interval=1)
        cfg.train_dataloader.sampler.infinite = False
        cfg.train_dataloader.drop_last = True
        cfg.log_processor = dict(by_epoch=True, window_size=1)
        cfg.default_hooks.logger.log_metric_by_epoch = True
    cfg.param_scheduler = [
        dict(type='CosineAnnealingLR', by_epoch=by_epoch,
             T_max=EPOCHS if by_epoch else EPOCHS * LENGTH),
        dict(type='LinearLR', by_epoch=False, begin=0, end=6,
             start_factor=0.5)]
    cfg.default_hooks.checkpoint.update(
        by_epoch=unit[0], interval=unit[1], max_keep_ckpts=2)
    if change:
        cfg.merge_from_dict(change)
    if resume:
        path = choose_resume(str(folder), 'auto', tell=lambda line: None)
        cfg.load_from, cfg.resume = path, path is not None
    validations = Validations()
    with contextlib.redirect_stdout(io.StringIO()):
        runner = Runner.from_cfg(cfg)
        runner.register_hook(validations)
        if kill:
            runner.register_hook(KillHook(*kill))
        with contextlib.suppress(Killed):
            runner.train()
    return runner, validations.at


def assert_same(one, other):
    assert one.iter == other.iter
    assert one.optim_wrapper.get_lr() == other.optim_wrapper.get_lr()
    for (name, value), again in zip(one.model.state_dict().items(),
                                    other.model.state_dict().values(),
                                    strict=True):
        assert torch.equal(value, again), name


@pytest.fixture(scope='module')
def config(tmp_path_factory):
    return write_config(tmp_path_factory.mktemp('config'))


@pytest.fixture(scope='module')
def whole(config, tmp_path_factory):
    """Runs that were not cut off, under either loop."""
    return {by_epoch: go(config, tmp_path_factory.mktemp('whole'), (False, 4),
                         by_epoch)[0] for by_epoch in (True, False)}


# Around the boundary of the first two epochs, and at the very end.
KILLS = [('iteration', 3), ('iteration', 4), ('iteration', 5),
         ('iteration', 8), ('iteration', 12), ('epoch', 1), ('epoch', 3),
         ('validation', 1), ('validated', 2), ('validated', 3), None]


@pytest.mark.parametrize('kill', KILLS, ids=str)
@pytest.mark.parametrize('unit', ALL)
def test_an_epoch_loop_ends_as_if_it_were_not_killed(config, whole, tmp_path,
                                                     unit, kill):
    _, first = go(config, tmp_path, UNITS[unit], kill=kill)
    runner, then = go(config, tmp_path, UNITS[unit], resume=True)
    assert_same(runner, whole[True])
    assert (runner.iter, runner.epoch) == (LENGTH * EPOCHS, EPOCHS)
    # Every epoch's validation was had, by the first run or by the second.
    assert {4, 8, 12} <= {*first, *then}


@pytest.mark.parametrize('kill', [
    ('iteration', 3), ('iteration', 4), ('iteration', 8), ('iteration', 12),
    ('validation', 1), ('validated', 3), None], ids=str)
@pytest.mark.parametrize('unit', ALL)
def test_an_iteration_loop_ends_as_if_it_were_not_killed(
        config, whole, tmp_path, unit, kill):
    _, first = go(config, tmp_path, UNITS[unit], False, kill)
    runner, then = go(config, tmp_path, UNITS[unit], False, resume=True)
    assert_same(runner, whole[False])
    assert {4, 8, 12} <= {*first, *then}


def test_killed_again_and_again_at_boundaries_it_ends_the_same(
        config, whole, tmp_path):
    for kill in (('iteration', 4), ('epoch', 1), ('validation', 1),
                 ('iteration', 4), ('validated', 1)):
        go(config, tmp_path, (False, 2), kill=kill, resume=True)
    assert_same(go(config, tmp_path, (False, 2), resume=True)[0],
                whole[True])


def test_another_batch_size_within_an_epoch_is_refused(config, tmp_path):
    go(config, tmp_path, (False, 3), kill=('iteration', 3))
    with pytest.raises(ValueError, match='3 iterations into an epoch of 4, '
                                         'which now has 8'):
        go(config, tmp_path, (False, 3), resume=True,
           change={'train_dataloader.batch_size': 4})


def test_another_batch_size_between_epochs_goes_on(config, tmp_path):
    go(config, tmp_path, (False, 4), kill=('iteration', 4))
    runner, _ = go(config, tmp_path, (False, 4), resume=True,
                   change={'train_dataloader.batch_size': 4})
    assert (runner.epoch, runner.iter) == (3, 4 + 8 + 8)


def test_a_sampler_that_can_not_be_set_forward_is_told(config, tmp_path,
                                                       monkeypatch):
    change = {'train_dataloader.sampler': dict(
        type='DefaultSampler', shuffle=True, _delete_=True)}
    go(config, tmp_path, (False, 3), kill=('iteration', 7), change=change)
    said = []
    monkeypatch.setattr(exact_resume, 'print_log',
                        lambda text, **kwargs: said.append(text))
    go(config, tmp_path, (False, 3), resume=True, change=change)
    assert said == [
        'DefaultSampler can not be set forward: epoch 2 starts anew, its '
        'first 2 iterations are trained twice; a PassSampler goes on at the '
        'very sample']


@pytest.mark.parametrize('skipped, first', [(3, 10), (5, 12), (0, None)])
def test_past_iterations_are_skipped_at_once_too(skipped, first):
    # As the loop of onedl-mmengine does.
    iterator = exact_resume._AfterCalls(iter([10, 11, 12]), 3)
    iterator.skip_iter(skipped)
    assert next(iterator) == first


FEW = """
model.update(source_pathway=None, mmd=None, pair=None, pair_teacher=dict(
    type='PairTeacherLoss', warm_up=2, temper_every=3))
target = dict(split='train', fraction=.5, rest='unlabelled', **pairs)
train_dataloader['dataset'] = dict(
    type='HybridTransferDataset', target=dict(target, only='labelled'),
    unlabelled=dict(target, only='unlabelled'))
custom_hooks = [dict(type='IterationSeedHook'), dict(type='ExactResumeHook'),
                dict(type='TeacherTemperatureHook', fewest=3)]
"""


@pytest.mark.slow
def test_a_pair_teacher_and_its_temperatures_go_on(tmp_path):
    config = write_config(tmp_path, FEW)
    whole, _ = go(config, tmp_path / 'whole', (False, 2), False)
    go(config, tmp_path / 'cut', (False, 2), False, ('iteration', 4))
    runner, _ = go(config, tmp_path / 'cut', (False, 2), False, resume=True)
    assert whole.model.pair_teacher.temperatures.tolist() != [1, 1]
    assert_same(runner, whole)
