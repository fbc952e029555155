"""The switch of TF32, which a CPU holds too."""
from __future__ import annotations

import pytest
import torch

from chtn_plugin.engine.hooks import Float32PrecisionHook


@pytest.fixture(autouse=True)
def restored():
    before = state()
    assert before == (False, True)  # torch's own choice
    yield
    (torch.backends.cuda.matmul.allow_tf32,
     torch.backends.cudnn.allow_tf32) = before


def state():
    return (torch.backends.cuda.matmul.allow_tf32,
            torch.backends.cudnn.allow_tf32)


@pytest.mark.parametrize('options, expected', [
    (dict(), (False, True)),
    (dict(matmul='high'), (True, True)),
    (dict(convolution='highest'), (False, False)),
    (dict(matmul='high', convolution='high'), (True, True))])
def test_each_is_set_as_asked(options, expected):
    Float32PrecisionHook(**options).before_run(None)
    assert state() == expected


def test_another_word_is_refused():
    with pytest.raises(ValueError, match="matmul must be one of.*'tf32'"):
        Float32PrecisionHook(matmul='tf32')
    with pytest.raises(ValueError, match='convolution must be one of'):
        Float32PrecisionHook(convolution='low')
