"""Mixed precision, on a processor and on a GPU that is pretended."""
import pytest
import torch
from mmengine.config import Config
from short_run import write_config

from chtn_plugin.engine.precision import use_mixed_precision


@pytest.fixture
def cfg(tmp_path):
    return Config.fromfile(write_config(tmp_path))


def test_amp_on_a_cpu_is_bf16_and_fp16_is_refused(cfg, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    with pytest.raises(ValueError, match='bf16'):
        use_mixed_precision(cfg, 'fp16')
    use_mixed_precision(cfg)
    assert cfg.optim_wrapper.type == 'CPUAmpOptimWrapper'


def test_amp_on_a_gpu_scales_the_loss_in_fp16_only(cfg, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    use_mixed_precision(cfg, 'bf16')
    assert cfg.optim_wrapper.loss_scale == dict(enabled=False)
    use_mixed_precision(cfg, 'fp16')
    assert cfg.optim_wrapper.dtype == 'float16'
