"""What trackio is told; trackio itself is run by test_docs_trackers.py."""
from __future__ import annotations

import sys
from types import ModuleType

import numpy as np
import pytest
import torch
from mmengine.config import Config

from chtn_plugin.engine.trackio_backend import TrackioVisBackend


@pytest.fixture
def calls(monkeypatch):
    """What is called of trackio, in order."""
    made = []
    module = ModuleType('trackio')
    module.init = lambda **options: made.append(('init', options))
    module.log = lambda metrics, step=None: made.append(
        ('log', metrics, step))
    module.Image = lambda array: ('picture', array.shape)
    module.finish = lambda: made.append(('finish', ))
    monkeypatch.setitem(sys.modules, 'trackio', module)
    return made


def test_a_run_begins_with_its_configuration_and_ends(calls, tmp_path):
    backend = TrackioVisBackend(str(tmp_path), 'mine', dict(name='first'))
    assert calls == []
    backend.add_config(Config(dict(a=(1, 2), b=dict(c=print))))
    backend.add_scalars(dict(loss=torch.tensor(.5), lr=np.float32(.25),
                             words='x'), step=3)
    backend.add_scalar('accuracy', 1, 4)
    backend.add_image('found', np.zeros((2, 3, 3), np.uint8), 5)
    backend.close()
    assert calls == [
        ('init', dict(project='mine', name='first', config=dict(
            a=[1, 2], b=dict(c=str(print))))),
        ('log', dict(loss=.5, lr=.25), 3), ('log', dict(accuracy=1.), 4),
        ('log', dict(found=('picture', (2, 3, 3))), 5), ('finish', )]


def test_closing_what_never_began_calls_nothing(calls, tmp_path):
    TrackioVisBackend(str(tmp_path)).close()
    assert calls == []


def test_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, 'trackio', None)
    with pytest.raises(ImportError, match='pip install trackio'):
        TrackioVisBackend(str(tmp_path)).add_scalar('a', 1)
