"""Closed forms on two real ranks."""
import torch
from closed_forms import config
from ranks import on_ranks

from chtn_plugin.engine.launch import build_runner
from chtn_plugin.engine.processes import start_processes


def test_two_ranks_get_the_solution_of_one(tmp_path):
    runner = build_runner(config(tmp_path))
    runner.train()

    def share(_):
        cfg = config(tmp_path)
        cfg.work_dir = str(tmp_path / 'two')
        cfg.launcher = 'pytorch'
        cfg.custom_hooks = [dict(hook, batch_size=5)
                            if hook['type'] == 'FitHook' else hook
                            for hook in cfg.custom_hooks]
        start_processes(cfg)
        other = build_runner(cfg)
        other.train()
        return {name: value.numpy() for name, value
                in other.model.module.state_dict().items()}
    for state in on_ranks(2, share, tmp_path, connect=False):
        for name, value in runner.model.state_dict().items():
            torch.testing.assert_close(torch.from_numpy(state[name]), value)


def test_ranks_are_told_together_what_is_wrong(tmp_path):
    def share(_):
        cfg = config(tmp_path, method='SemanticMatching')
        cfg.model.num_classes = 3
        cfg.work_dir, cfg.launcher = str(tmp_path / 'two'), 'pytorch'
        start_processes(cfg)
        made = build_runner(cfg)
        made.train_dataloader.dataset.target.label[:] = 1
        try:
            made.train()
        except ValueError as error:
            return str(error)
    for message in on_ranks(2, share, tmp_path, connect=False):
        assert 'two classes at least' in message
