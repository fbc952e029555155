"""How often an iteration waits for the device, counted without a GPU."""
from __future__ import annotations

from collections import Counter

import mmengine.device.utils as device_utils
import pytest
from fake_gpu import fake_gpu
from mmengine.config import Config
from mmengine.runner import Runner
from short_run import write_config

MORE = """
train_cfg = dict(by_epoch=False, max_iters=10)
val_cfg = val_dataloader = val_evaluator = None
default_hooks.update(
    logger=dict(interval=5),
    checkpoint=dict(_delete_=True, type='CheckpointHook', interval=100,
                    save_last=False))
"""


@pytest.fixture
def waits(tmp_path, monkeypatch):
    """Train 10 iterations with the stock Runner, on a device of no values."""
    monkeypatch.setattr(device_utils, 'DEVICE', 'meta')
    # To format it takes most of so short a run.
    monkeypatch.setattr(Config, 'pretty_text', property(lambda self: ''))

    def count(more=''):
        cfg = Config.fromfile(write_config(tmp_path, MORE + more))
        cfg.work_dir, cfg.log_level = str(tmp_path / 'run'), 'ERROR'
        cfg.experiment_name = tmp_path.name
        runner = Runner.from_cfg(cfg)
        with fake_gpu() as seen:
            runner.train()
        places = Counter(line.partition(':')[0] for line in seen)
        # Before training: MMEngine reads every weight it initialises.
        places.pop('mmengine/base_module.py')
        return places
    return count


def test_an_iteration_waits_once_and_losses_are_read_when_they_are_logged(
        waits):
    # The check of the total loss, at the end of each of 10 iterations; and
    # all losses together, which are logged after 5 and 10.
    assert waits() == {'chtn_plugin/finite_loss.py': 10,
                       'chtn_plugin/batched_losses.py': 2}


def test_mmengine_would_wait_for_each_loss_in_each_iteration(waits):
    # Total, seven terms, three accuracies.
    assert waits("""
default_hooks.update(runtime_info=dict(_delete_=True, type='RuntimeInfoHook'))
""")['mmengine/message_hub.py'] == 11 * 10
