"""Training, evaluation, kill and resume on two real ranks."""
import os
import signal
import subprocess
import time

import pytest
import torch
from mmengine.config import Config
from ranks import on_ranks
from short_run import ROOT, environment, write_config
from test_kill_resume import at_call, nan_loss

from chtn_plugin.engine.checkpoints import newest_checkpoint
from chtn_plugin.engine.hooks import FiniteLossHook
from chtn_plugin.engine.launch import build_runner
from chtn_plugin.engine.processes import start_processes


def run(config, work_dir, world, patch=None, test=False, patched=1):
    """Train (or test the newest checkpoint) on some ranks; patch one."""
    def share(rank):
        cfg = Config.fromfile(config)
        cfg.work_dir = str(work_dir)
        cfg.launcher = 'pytorch'
        cfg.load_from = newest_checkpoint(cfg.work_dir)
        cfg.resume = cfg.load_from is not None and not test
        start_processes(cfg)
        if patch and rank == patched:
            patch()
        runner = build_runner(cfg)
        if test:
            return runner.test()
        runner.train()
        return runner.message_hub.get_scalar('train/loss').current()
    return on_ranks(world, share, work_dir, connect=False)


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp('ranks')
    config = write_config(folder)
    losses = run(config, folder / 'run', 2)
    return config, folder / 'run', losses


def weights(work_dir):
    path = newest_checkpoint(str(work_dir))
    return torch.load(path, weights_only=False)


def test_killing_one_rank_loses_nothing(whole, tmp_path):
    config, reference, losses = whole
    ended = run(config, tmp_path / 'run', 2,
                at_call(torch.optim.SGD, 'step', 7))
    assert ended == [-signal.SIGKILL] * 2
    assert run(config, tmp_path / 'run', 2) == losses
    one, other = weights(reference), weights(tmp_path / 'run')
    assert one['meta']['iter'] == other['meta']['iter'] == 12
    for name, value in one['state_dict'].items():
        torch.testing.assert_close(value, other['state_dict'][name])


def test_two_ranks_serve_every_pair_once_a_pass(whole):
    meta = weights(whole[1])['meta']['chtn']
    assert meta['world_size'] == 2 and meta['served'] == 12 * 8 * 2


def test_figures_do_not_depend_on_the_number_of_ranks(whole):
    config, reference, _ = whole
    two = run(config, reference, 2, test=True)
    one = run(config, reference, 1, test=True)[0]
    assert two[0] == two[1]
    assert {name: two[0][name] for name in one if 'mAP' in name} == {
        name: pytest.approx(one[name], abs=1e-12) for name in one
        if 'mAP' in name}


def test_a_rank_whose_loss_is_no_number_lets_no_other_save(tmp_path):
    # No statistics to average: nothing else makes rank 0 wait.
    config = write_config(tmp_path, """
model['text_encoder']['norm'] = None
model['image_pathway']['norm'] = False
""")

    def patch():
        nan_loss(4)()
        check = FiniteLossHook.after_train_iter

        def slow(*args, **kwargs):
            try:
                check(*args, **kwargs)
            except FloatingPointError:
                time.sleep(3)  # time enough for the others to save
                raise
        FiniteLossHook.after_train_iter = slow
    with pytest.raises(AssertionError, match='iteration 4, rank 1'):
        run(config, tmp_path / 'run', 2, patch)
    assert newest_checkpoint(str(tmp_path / 'run')).endswith('iter_2.pth')


@pytest.mark.slow
def test_a_rank_that_hangs_is_given_up(tmp_path):
    config = write_config(tmp_path, """
env_cfg = dict(dist_cfg=dict(timeout=20))
""")

    def patch():
        step, calls = torch.optim.SGD.step, [0]

        def stuck(*args, **kwargs):
            calls[0] += 1
            if calls[0] == 3:
                time.sleep(600)
            return step(*args, **kwargs)
        torch.optim.SGD.step = stuck
    with pytest.raises(AssertionError, match='Timed out waiting 20000ms'):
        run(config, tmp_path / 'run', 2, patch)
    assert run(config, tmp_path / 'run', 2)


@pytest.mark.slow
def test_the_scripts_train_and_test_on_two_ranks(tmp_path):
    config = write_config(tmp_path)
    done = subprocess.run(
        [ROOT / 'tools/dist_train.sh', config, '2', '--work-dir',
         tmp_path / 'run', '--cfg-options', 'train_cfg.max_iters=4'],
        env=environment(), capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    assert os.path.exists(tmp_path / 'run/iter_4.pth')
    done = subprocess.run(
        [ROOT / 'tools/dist_test.sh', config, tmp_path / 'run', '2',
         '--work-dir', tmp_path / 'test'],
        env=environment(), capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    assert done.stdout.count('protocol chtn-map-all, split test') == 1
