"""What a run's configuration is refused for, and what it sets."""
from __future__ import annotations

import argparse
import os

import pytest
from short_run import write_config

from chtn_plugin.engine.launch import read_config

# Synchronised batch normalisation.


def read(folder, more, **changes):
    given = dict(config=str(write_config(folder, more)), cfg_options=None,
                 local_rank=0, trust_checkpoint=True, launcher='none',
                 work_dir=None)
    return read_config(argparse.Namespace(**(given | changes)))


def test_sync_bn_that_fsdp_would_pass_by_is_refused(tmp_path):
    with pytest.raises(ValueError, match='DDPStrategy only.*GlobalBatchNorm'):
        read(tmp_path, """
runner_type = 'FlexibleRunner'
strategy = dict(type='FSDPStrategy', sync_bn='torch')
""")


def test_sync_bn_of_ddp_passes(tmp_path):
    assert read(tmp_path, """
runner_type = 'FlexibleRunner'
strategy = dict(type='DDPStrategy', sync_bn='torch')
""").strategy.sync_bn == 'torch'


def test_a_flexible_runner_names_both_ways_to_normalise_together(tmp_path):
    with pytest.raises(ValueError, match='DDPStrategy.*GlobalBatchNormHook'):
        read(tmp_path, """
runner_type = 'FlexibleRunner'
sync_bn = 'torch'
""")


# Determinism.


def test_determinism_gives_cublas_the_workspace_that_it_needs(
        tmp_path, monkeypatch):
    # Set and deleted, so that it is gone again after the test.
    monkeypatch.setenv('CUBLAS_WORKSPACE_CONFIG', '')
    monkeypatch.delenv('CUBLAS_WORKSPACE_CONFIG')
    read(tmp_path, '')
    assert 'CUBLAS_WORKSPACE_CONFIG' not in os.environ
    read(tmp_path, 'randomness = dict(seed=0, deterministic=True)')
    assert os.environ['CUBLAS_WORKSPACE_CONFIG'] == ':4096:8'
