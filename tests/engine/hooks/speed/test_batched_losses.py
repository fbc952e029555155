"""Losses that are read when they are needed."""
from __future__ import annotations

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from short_run import write_config

from chtn_plugin.engine.hooks import BatchedLossesHook

HUB = """
default_hooks.update(runtime_info=dict(_delete_=True, type='{}'))
"""


class Lengths(Hook):
    """Keeps how long the loss's history is behind each iteration."""

    def __init__(self):
        self.lengths = []

    def after_train_iter(self, runner, batch_idx, data_batch=None,
                         outputs=None):
        histories = runner.message_hub.log_scalars
        self.lengths.append(len(histories['train/loss'].data[0])
                            if 'train/loss' in histories else 0)


@pytest.fixture
def train(tmp_path, monkeypatch):
    """Train 12 iterations: histories, lengths while running, checkpoints."""
    # To format it takes most of so short a run.
    monkeypatch.setattr(Config, 'pretty_text', property(lambda self: ''))

    def run(hook, more=''):
        cfg = Config.fromfile(write_config(tmp_path, HUB.format(hook) + more))
        cfg.work_dir, cfg.log_level = str(tmp_path / hook), 'ERROR'
        cfg.experiment_name = f'{tmp_path.name}-{hook}'
        runner = Runner.from_cfg(cfg)
        lengths = Lengths()
        runner.register_hook(lengths)
        runner.train()
        return ({name: history.data[0].tolist() for name, history in
                 runner.message_hub.log_scalars.items()
                 if name.startswith(('train/loss', 'train/acc', 'val/ret'))},
                lengths.lengths, tmp_path / hook)
    return run


def test_histories_are_those_of_mmengine(train):
    ours, _, folder = train('BatchedLossesHook')
    theirs, _, other = train('RuntimeInfoHook')
    assert ours == theirs and len(ours['train/loss']) == 12
    saved = [torch.load(path / 'iter_8.pth', weights_only=False)[
        'message_hub']['log_scalars']['train/loss'].data[0].tolist()
        for path in (folder, other)]
    assert saved[0] == saved[1] and len(saved[0]) == 8


def test_they_are_read_when_they_are_logged_saved_or_validated(train):
    _, lengths, _ = train('BatchedLossesHook', """
default_hooks.update(logger=dict(interval=5),
                     checkpoint=dict(interval=8))
train_cfg['val_interval'] = 7
""")
    # Logged after 5 and 10, validated after 7, saved after 8, ended at 12.
    assert lengths == [0, 0, 0, 0, 5, 5, 5, 8, 8, 10, 10, 12]


def test_no_more_than_asked_for_are_kept():
    class Hub:
        scalars = ()

        def update_scalar(self, name, value):
            self.scalars += ((name, value), )

    class Runner:
        message_hub, iter, max_iters, hooks = Hub(), 0, 100, ()
        train_dataloader = range(100)
    hook = BatchedLossesHook(max_pending=4)
    for value in (1., 2., 3.):
        hook.after_train_iter(Runner, 0, None, dict(
            loss=torch.tensor(value), lr=0.5, accuracy=torch.tensor([0.25])))
    losses = [pair for pair in Hub.scalars or Runner.message_hub.scalars
              if pair[0] != 'train/lr']
    assert losses == [('train/loss', 1.), ('train/accuracy', 0.25),
                      ('train/loss', 2.), ('train/accuracy', 0.25)]
