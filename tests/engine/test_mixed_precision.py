"""Mixed precision on a CPU."""
import torch
from mmengine.registry import OPTIM_WRAPPERS
from torch import nn

from chtn_plugin.engine.mixed_precision import CPUAmpOptimWrapper


def wrapped(model):
    return CPUAmpOptimWrapper(torch.optim.SGD(model.parameters(), lr=.5))


def test_is_known_by_its_name():
    assert OPTIM_WRAPPERS.get('CPUAmpOptimWrapper') is CPUAmpOptimWrapper


def test_the_forward_pass_alone_runs_in_bfloat16():
    model = nn.Linear(2, 1)
    with wrapped(model).optim_context(model):
        inside = model(torch.ones(1, 2))
    assert inside.dtype == torch.bfloat16
    assert model(torch.ones(1, 2)).dtype == torch.float32


def test_weights_and_gradients_stay_in_float32():
    model = nn.Linear(2, 1, bias=False)
    nn.init.ones_(model.weight)
    wrapper = wrapped(model)
    with wrapper.optim_context(model):
        loss = model(torch.tensor([[1., 2.]])).sum()
    wrapper.update_params(loss)
    # The gradient is the input; one step of rate .5 from weights of 1.
    assert model.weight.dtype == torch.float32
    assert model.weight.tolist() == [[.5, 0.]]
