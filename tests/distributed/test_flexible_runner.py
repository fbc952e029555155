"""MMEngine's FlexibleRunner and its strategies, on two real ranks."""
import math
import os
import signal

import pytest
import torch
from mmengine.config import Config
from mmengine.optim.optimizer import amp_optimizer_wrapper
from ranks import on_ranks
from short_run import write_config
from test_kill_resume import at_call
from test_two_ranks import run, weights

from chtn_plugin.engine.launch import build_runner
from chtn_plugin.engine.processes import start_processes

DDP = "runner_type = 'FlexibleRunner'\n"
# So small a limit wraps each linear layer of the tiny model.
FSDP = DDP + """
strategy = dict(
    type='FSDPStrategy', state_dict_cfg='full',
    model_wrapper=dict(auto_wrap_policy=dict(
        type='torch.distributed.fsdp.wrap.size_based_auto_wrap_policy',
        min_num_params=30)))
"""


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    """Weights that a run ends with that was neither killed nor sharded."""
    folder = tmp_path_factory.mktemp('whole')
    config = write_config(folder, DDP)
    run(config, folder / 'run', 2)
    return weights(folder / 'run')['state_dict']


@pytest.mark.slow
@pytest.mark.parametrize('more', [DDP, FSDP], ids=['ddp', 'fsdp'])
def test_killed_while_saving_and_resumed_it_ends_as_if_it_were_not(
        whole, tmp_path, more):
    config, folder = write_config(tmp_path, more), tmp_path / 'run'
    # The second checkpoint is written, and has no name yet.
    assert run(config, folder, 2, at_call(os, 'replace', 3), patched=0) == [
        -signal.SIGKILL] * 2
    assert sorted(path.name for path in folder.glob('*.pth')) == [
        'iter_2.pth']
    assert len(list(folder.glob('.iter_4.pth.*.chtn-part'))) == 1
    assert len(set(run(config, folder, 2))) == 2
    ended = weights(folder)
    assert ended['meta']['iter'] == 12
    assert ended['meta']['chtn']['served'] == 12 * 8 * 2
    assert set(ended['state_dict']) == set(whole)
    for name, value in whole.items():
        torch.testing.assert_close(ended['state_dict'][name], value)
    assert len(list(folder.glob('best_*.pth'))) == 1
    two = run(config, folder, 2, test=True)
    one = run(config, folder, 1, test=True)[0]
    assert two[0] == two[1]
    assert two[0]['retrieval/mean_mAP'] == pytest.approx(
        one['retrieval/mean_mAP'])


@pytest.mark.slow
def test_fsdp_really_shards(tmp_path):
    config = write_config(tmp_path, FSDP)

    def share(rank):
        cfg = Config.fromfile(config)
        cfg.work_dir, cfg.launcher = str(tmp_path / 'run'), 'pytorch'
        cfg.train_cfg.max_iters = 1
        start_processes(cfg)
        runner = build_runner(cfg)
        runner.train()
        own = sum(p.numel() for p in runner.model.parameters())
        whole = runner.model.state_dict()
        return own, sum(whole[name].numel() for name in whole
                        if name.endswith(('weight', 'bias')))
    (first, whole), (second, _) = on_ranks(2, share, tmp_path / 'ranks',
                                           connect=False)
    # BN of the text vectors has 5 rows of weight and bias, all trained.
    assert whole <= first + second <= whole + 64
    assert max(first, second) < 0.7 * whole


@pytest.mark.slow
def test_fsdp_goes_on_with_the_loss_scale(tmp_path, monkeypatch):
    # MMEngine's wrapper insists on a GPU; the ranks are forked from here.
    monkeypatch.setattr(amp_optimizer_wrapper, 'is_cuda_available',
                        lambda: True)
    # It doubles every third iteration: 2, 4 after 3, ..., 32 after 12.
    config = write_config(tmp_path, FSDP + """
optim_wrapper.update(
    type='AmpOptimWrapper', dtype='bfloat16', loss_scale=dict(
        device='cpu', init_scale=2.0, growth_interval=3),
    paramwise_cfg=dict(bias_lr_mult=2.0))
""")
    folder = tmp_path / 'run'
    assert run(config, folder, 2, at_call(os, 'replace', 5), patched=0) == [
        -signal.SIGKILL] * 2
    before = weights(folder)
    assert before['meta']['iter'] == 4
    assert before['optimizer']['loss_scaler']['scale'] == 4
    run(config, folder, 2)
    ended = weights(folder)
    assert ended['meta']['iter'] == 12
    scaler = ended['optimizer']['loss_scaler']
    assert (scaler['scale'], scaler['_growth_tracker']) == (32, 0)
    # The rate that is logged goes on too: the cosine of the twelfth step.
    assert ended['optimizer']['base_param_settings']['lr'] == pytest.approx(
        0.05 * (1 + math.cos(11 * math.pi / 12)) / 2)
