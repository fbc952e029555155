"""Runs killed with -9 at chosen and at random moments, and resumed."""
import math
import os
import random
import shutil
import signal
import sys
import time
import traceback

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from short_run import write_config

from chtn_plugin.engine.checkpoints import checkpoints_in, newest_checkpoint
from chtn_plugin.engine.launch import build_runner
from chtn_plugin.methods import CHTN


def train(config, work_dir, patch=None, **changes):
    """Train in a forked process, and return how it ended (0 or -signal)."""
    pid = os.fork()
    if pid == 0:
        try:
            os.makedirs(work_dir, exist_ok=True)
            sys.stdout = sys.stderr = open(f'{work_dir}/out.txt', 'a',
                                           buffering=1)
            cfg = Config.fromfile(config)
            cfg.merge_from_dict(changes)
            cfg.work_dir = str(work_dir)
            path = newest_checkpoint(cfg.work_dir)
            cfg.resume, cfg.load_from = path is not None, path
            if patch:
                patch()
            build_runner(cfg).train()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def at_call(owner, name, number, before=True):
    """A patch that dies at the number-th call of a function."""
    def patch():
        function, calls = getattr(owner, name), [0]

        def counted(*args, **kwargs):
            calls[0] += 1
            if calls[0] == number and before:
                die()
            result = function(*args, **kwargs)
            if calls[0] == number:
                die()
            return result
        setattr(owner, name, counted)
    return patch


def nan_loss(number):
    """A patch under which one iteration's pair loss is no number."""
    def patch():
        loss, calls = CHTN.loss, [0]

        def broken(self, inputs, data_samples):
            terms = loss(self, inputs, data_samples)
            calls[0] += 1
            if calls[0] == number:
                terms['loss_pair_fc6'] = terms['loss_pair_fc6'] * math.nan
            return terms
        CHTN.loss = broken
    return patch


def state(work_dir):
    path = newest_checkpoint(str(work_dir))
    checkpoint = torch.load(path, weights_only=False)
    scalars = checkpoint['message_hub']['log_scalars']
    best = sorted(p.name for p in work_dir.glob('best_*.pth'))
    return checkpoint, {
        name: scalars[name].data[0].tolist() for name in (
            'train/loss', 'train/loss_mmd_fc6')}, best


def assert_same_run(one, other):
    (first, losses, best), (second, other_losses, other_best) = (
        state(one), state(other))
    assert first['meta']['iter'] == second['meta']['iter'] == 12
    assert losses == other_losses
    assert best == other_best
    runtime = [s['message_hub']['runtime_info']['best_score']
               for s in (first, second)]
    assert runtime[0] == runtime[1]
    for name, value in first['state_dict'].items():
        assert torch.equal(value, second['state_dict'][name]), name
    assert len(checkpoints_in(str(other))) == 3


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp('whole')
    config = write_config(folder)
    assert train(config, folder / 'run') == 0, (
        folder / 'run/out.txt').read_text()[-3000:]
    return config, folder / 'run'


@pytest.mark.parametrize('owner, name, number, before', [
    (Runner, 'save_checkpoint', 3, True),
    # Of each file the content is brought to the disk, then its name.
    (os, 'fsync', 5, True),     # iter_4.pth written, not on the disk yet
    (os, 'replace', 3, True),   # iter_4.pth on the disk, without its name
    (os, 'replace', 3, False),  # named, last_checkpoint is the one before
    (os, 'fsync', 9, True),     # the best of iteration 4, likewise
    (os, 'replace', 5, True),
    (os, 'replace', 5, False),
    (os, 'remove', 2, True),
    (torch.optim.SGD, 'step', 5, False),
])
def test_killed_at_a_moment_it_ends_as_if_it_were_not(
        whole, tmp_path, owner, name, number, before):
    config, reference = whole
    ended = train(config, tmp_path / 'run',
                  at_call(owner, name, number, before))
    assert ended == -signal.SIGKILL
    assert train(config, tmp_path / 'run') == 0
    assert_same_run(reference, tmp_path / 'run')


@pytest.mark.parametrize('number', [1, 3])
def test_killed_while_evaluating_the_evaluation_is_made_up_for(
        whole, tmp_path, number):
    from chtn_plugin.evaluation import RetrievalMetric
    config, reference = whole
    assert train(config, tmp_path / 'run', at_call(
        RetrievalMetric, 'evaluate', number)) == -signal.SIGKILL
    assert train(config, tmp_path / 'run') == 0
    text = (tmp_path / 'run/out.txt').read_text()
    assert f'validation of iteration {4 * number} was not complete' in text
    assert_same_run(reference, tmp_path / 'run')


def test_killed_at_random_moments_again_and_again(whole, tmp_path):
    config, reference = whole
    killed, rng = 0, random.Random(5)
    start = time.monotonic()
    assert train(config, tmp_path / 'timed') == 0
    seconds = time.monotonic() - start

    def later():
        delay = rng.uniform(0.1, 0.4) * seconds

        def kill():
            time.sleep(delay)
            os.kill(parent, signal.SIGKILL)
        parent = os.getpid()
        if os.fork() == 0:
            kill()
            os._exit(0)
    for _ in range(4):
        ended = train(config, tmp_path / 'run', later)
        killed += ended == -signal.SIGKILL
        if ended == 0:
            break
        rng.random()
    assert killed >= 1
    assert train(config, tmp_path / 'run') == 0
    assert_same_run(reference, tmp_path / 'run')


def test_gradients_of_an_incomplete_update_are_not_lost(tmp_path):
    # Checkpoints at 2, 4, ... lie within updates of 3 iterations.
    config = write_config(tmp_path, 'optim_wrapper.update('
                                    'accumulative_counts=3)\n')
    assert train(config, tmp_path / 'whole') == 0
    assert train(config, tmp_path / 'run', at_call(
        Runner, 'save_checkpoint', 4)) == -signal.SIGKILL
    assert train(config, tmp_path / 'run') == 0
    assert_same_run(tmp_path / 'whole', tmp_path / 'run')


def test_an_epoch_resumes_in_its_middle(tmp_path):
    # No batch of one at the epoch's end, which cannot be normalised.
    config = write_config(tmp_path, """
train_dataloader.update(sampler=dict(type='PassSampler', shuffle=True),
                        batch_size=7)
train_cfg = dict(by_epoch=True, max_epochs=3, val_interval=1)
""")
    assert train(config, tmp_path / 'whole') == 0
    assert train(config, tmp_path / 'run', at_call(
        Runner, 'save_checkpoint', 4)) == -signal.SIGKILL
    assert train(config, tmp_path / 'run') == 0
    text = (tmp_path / 'run/out.txt').read_text()
    assert 'go on after draw' in text
    first, losses, _ = state(tmp_path / 'whole')
    second, other_losses, _ = state(tmp_path / 'run')
    assert losses == other_losses


def test_workers_and_no_workers_resume_to_the_same(whole, tmp_path):
    config, reference = whole
    assert train(config, tmp_path / 'run', at_call(
        os, 'replace', 6), **{'train_dataloader.num_workers': 1,
                              'train_dataloader.persistent_workers': True,
                              }) == -signal.SIGKILL
    assert train(config, tmp_path / 'run') == 0
    assert_same_run(reference, tmp_path / 'run')


def test_a_full_disk_ends_the_run_and_keeps_the_last_checkpoint(
        whole, tmp_path):
    config, reference = whole

    def patch():
        fsync, calls = os.fsync, [0]

        def full(descriptor):
            calls[0] += 1
            if calls[0] == 9:
                raise OSError(28, 'No space left on device')
            return fsync(descriptor)
        os.fsync = full
    assert train(config, tmp_path / 'run', patch) == 1
    text = (tmp_path / 'run/out.txt').read_text()
    assert 'could not be written: No space left on device' in text
    assert 'MB needed' in text
    assert not list((tmp_path / 'run').glob('.*.chtn-part'))
    assert train(config, tmp_path / 'run') == 0
    assert_same_run(reference, tmp_path / 'run')


def test_a_loss_that_is_no_number_ends_the_run_before_it_is_saved(
        whole, tmp_path):
    config, reference = whole
    assert train(config, tmp_path / 'run', nan_loss(6)) == 1
    text = (tmp_path / 'run/out.txt').read_text()
    assert 'the loss must be finite: iteration 6, rank 0' in text
    assert 'loss_pair_fc6 is nan' in text
    assert checkpoints_in(str(tmp_path / 'run'))[0].endswith('iter_4.pth')
    assert train(config, tmp_path / 'run') == 0
    assert_same_run(reference, tmp_path / 'run')


def test_a_torn_newest_checkpoint_is_passed_over(whole, tmp_path):
    config, reference = whole
    assert train(config, tmp_path / 'run', at_call(
        Runner, 'save_checkpoint', 4)) == -signal.SIGKILL
    newest = checkpoints_in(str(tmp_path / 'run'))[0]
    with open(newest, 'r+b') as file:
        file.truncate(1000)
    assert train(config, tmp_path / 'run') == 0
    text = (tmp_path / 'run/out.txt').read_text()
    assert f'{newest} is torn' in text and 'is used' in text
    assert_same_run(reference, tmp_path / 'run')


def test_a_checkpoint_of_mmengines_own_hook_is_resumed(tmp_path):
    # Format 0: nothing of this package's is in it.
    config = write_config(tmp_path, """
default_hooks['checkpoint'] = dict(
    _delete_=True, type='CheckpointHook', by_epoch=False, interval=4)
""")
    assert train(config, tmp_path / 'run', at_call(
        Runner, 'save_checkpoint', 2)) == -signal.SIGKILL
    assert train(config, tmp_path / 'run') == 0
    text = (tmp_path / 'run/out.txt').read_text()
    assert 'resumed epoch: 0, iter: 4' in text
    assert 'go on after draw 32' in text


def test_going_on_elsewhere_leaves_the_other_run_alone(whole, tmp_path):
    config, reference = whole
    assert train(config, tmp_path / 'one', at_call(
        Runner, 'save_checkpoint', 4)) == -signal.SIGKILL
    there = sorted(p.name for p in (tmp_path / 'one').glob('*.pth'))
    (tmp_path / 'two').mkdir()
    newest = checkpoints_in(str(tmp_path / 'one'))[0]
    shutil.copy(newest, tmp_path / 'two')
    assert train(config, tmp_path / 'two') == 0
    assert sorted(p.name for p in (
        tmp_path / 'one').glob('*.pth')) == there
