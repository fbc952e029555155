"""torchvision imports beside a CPU torch, if the plugin comes first."""
from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from chtn_plugin._torchvision import declare_missing_operators


@pytest.mark.skipif(torch.version.cuda is not None,
                    reason='this torch brings what torchvision needs')
def test_plugin_first_lets_torchvision_import():
    # In a process of its own: here, torchvision may be imported already.
    done = subprocess.run(
        [sys.executable, '-c', 'import chtn_plugin, torchvision.models'],
        capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_second_call_declares_nothing():
    declare_missing_operators()
    assert not declare_missing_operators()


def test_cuda_build_is_left_alone(monkeypatch):
    monkeypatch.setattr('chtn_plugin._torchvision._library', None)
    monkeypatch.setattr(torch.version, 'cuda', '13.0')
    assert not declare_missing_operators()
