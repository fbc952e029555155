"""How the processes of a distributed run start: read from what is built.

A GPU is pretended, so that its path is taken; nothing is sent to it.
"""
from __future__ import annotations

import datetime
import os

import pytest
import torch
from mmengine.config import Config

from chtn_plugin.engine import processes
from chtn_plugin.engine.processes import start_processes


@pytest.fixture
def started(monkeypatch):
    """Pretend one GPU, and keep what the process group is started with."""
    calls = []
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 1)
    monkeypatch.setattr(
        processes, 'init_dist', lambda launcher, **options:
        calls.append(dict(options, launcher=launcher)))
    for name in ('LOCAL_WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT', 'RANK',
                 'WORLD_SIZE', 'LOCAL_RANK'):
        # Set first, so that what is exported is taken back after the test.
        monkeypatch.setenv(name, '')
        monkeypatch.delenv(name)
    return calls


def config(launcher='pytorch', **changes):
    return Config(dict(changes, launcher=launcher))


# How long ranks wait for one another.


def test_a_rank_is_given_up_after_1800_seconds(started):
    start_processes(config(env_cfg=dict(dist_cfg=dict(backend='nccl'))))
    assert started == [dict(launcher='pytorch', backend='nccl',
                            timeout=1800)]


def test_the_configuration_sets_another_time(started):
    start_processes(config(env_cfg=dict(dist_cfg=dict(timeout=20))))
    assert started[0]['timeout'] == 20


def test_processes_of_a_cpu_wait_as_long(monkeypatch, started):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    monkeypatch.setattr(
        torch.distributed, 'init_process_group',
        lambda backend, timeout: started.append((backend, timeout)))
    start_processes(config())
    assert started == [('gloo', datetime.timedelta(seconds=1800))]


# What wraps the model.


def test_buffers_stay_with_each_rank(started):
    cfg = config(model_wrapper_cfg=dict(static_graph=True))
    start_processes(cfg)
    assert cfg.model_wrapper_cfg == dict(
        type='MMDistributedDataParallel', broadcast_buffers=False,
        find_unused_parameters=False, static_graph=True)


def test_buffers_stay_where_a_strategy_sets_another_option(started):
    cfg = config(runner_type='FlexibleRunner', strategy=dict(
        type='DDPStrategy', model_wrapper=dict(find_unused_parameters=True)))
    start_processes(cfg)
    assert cfg.strategy.model_wrapper == dict(
        type='MMDistributedDataParallel', broadcast_buffers=False,
        find_unused_parameters=True)


def test_buffers_are_sent_where_that_is_asked_for(started):
    cfg = config(model_wrapper_cfg=dict(broadcast_buffers=True))
    start_processes(cfg)
    assert cfg.model_wrapper_cfg.broadcast_buffers


def test_another_wrapper_stays_as_it_is(started):
    given = dict(type='MMFullyShardedDataParallel', use_orig_params=True)
    cfg = config(model_wrapper_cfg=dict(given))
    start_processes(cfg)
    assert cfg.model_wrapper_cfg == given


def test_fsdp_on_a_gpu_stays_as_it_is(started):
    strategy = dict(type='FSDPStrategy', state_dict_cfg='full',
                    model_wrapper=dict(use_orig_params=True))
    cfg = config(runner_type='FlexibleRunner', strategy=dict(strategy))
    start_processes(cfg)
    assert cfg.strategy == strategy


def test_fsdp_on_a_cpu_offloads_nothing_to_it(monkeypatch, started):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    monkeypatch.setattr(torch.distributed, 'init_process_group',
                        lambda *args, **kwargs: None)
    cfg = config(runner_type='FlexibleRunner', strategy=dict(
        type='FSDPStrategy', state_dict_cfg=dict(
            state_dict_type='FULL_STATE_DICT', state_dict_config=dict(
                type='FullStateDictConfig', offload_to_cpu=True,
                rank0_only=True))))
    start_processes(cfg)
    assert cfg.strategy.model_wrapper.device_id == 'cpu'
    assert cfg.strategy.state_dict_cfg.state_dict_config == dict(
        type='FullStateDictConfig', rank0_only=True)


# Where ranks meet.


def mpi(monkeypatch, size, here):
    for name, value in dict(RANK=0, SIZE=size, LOCAL_RANK=0,
                            LOCAL_SIZE=here).items():
        monkeypatch.setenv(f'OMPI_COMM_WORLD_{name}', str(value))


def test_mpi_on_one_machine_meets_there(started, monkeypatch):
    mpi(monkeypatch, 2, 2)
    start_processes(config('mpi'))
    assert os.environ['MASTER_ADDR'] == '127.0.0.1'
    assert os.environ['WORLD_SIZE'] == '2'


def test_mpi_on_several_machines_must_be_told_where(started, monkeypatch):
    mpi(monkeypatch, 4, 2)
    with pytest.raises(ValueError, match='mpi.*set MASTER_ADDR'):
        start_processes(config('mpi'))
    monkeypatch.setenv('MASTER_ADDR', 'm0')
    start_processes(config('mpi'))
    assert len(started) == 1


def test_more_processes_than_gpus_are_refused(started, monkeypatch):
    monkeypatch.setenv('LOCAL_WORLD_SIZE', '2')
    with pytest.raises(ValueError, match='2 were started, 1 are here'):
        start_processes(config())
