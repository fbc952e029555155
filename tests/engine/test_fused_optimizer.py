"""One kernel for an update: the same weights, and where it is not to be."""
from __future__ import annotations

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from torch import nn

from chtn_plugin.engine.fused_optimizer import why_not_fused
from chtn_plugin.engine.options import strange_keys


def wrapper_of(model, optimizer, **options):
    return build_optim_wrapper(model, Config(dict(
        wrapper=dict(type='OptimWrapper',
                     constructor='FusedOptimWrapperConstructor',
                     optimizer=optimizer, **options))).wrapper)


def trained(inner, **optimizer):
    """Weights after twelve updates at constant gradients a step."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(48, inner), nn.Linear(inner, 16))
    wrapper = wrapper_of(
        model, dict(optimizer), clip_grad=dict(max_norm=1.0),
        paramwise_cfg=dict(bias_lr_mult=2.0, bias_decay_mult=0.0))
    for _ in range(12):
        wrapper.update_params(model(torch.randn(8, 48)).square().mean())
    return [p.detach() for p in model.parameters()]


SGD = dict(type='SGD', lr=0.03, momentum=0.9, weight_decay=5e-3)


def test_sgd_leaves_equal_weights_with_and_without():
    # Sizes that fill the registers: the rest is rounded another way.
    for fused, plain in zip(trained(64, **SGD),
                            trained(64, **SGD, fused=False), strict=True):
        assert torch.equal(fused, plain)


@pytest.mark.parametrize('optimizer', [
    SGD, dict(type='AdamW', lr=1e-3, weight_decay=0.05)],
    ids=['SGD', 'AdamW'])
def test_any_size_agrees_to_rounding(optimizer):
    for fused, plain in zip(trained(7, **optimizer),
                            trained(7, **optimizer, fused=False),
                            strict=True):
        torch.testing.assert_close(fused, plain, rtol=1e-5, atol=1e-6)


def test_every_group_is_updated_fused():
    wrapper = wrapper_of(nn.Linear(2, 2), dict(SGD),
                         paramwise_cfg=dict(bias_lr_mult=2.0))
    groups = wrapper.optimizer.param_groups
    assert [group['fused'] for group in groups] == [True, True]


@pytest.mark.parametrize('way', ['fused', 'foreach', 'differentiable'])
def test_a_way_that_the_configuration_names_stays(way):
    wrapper = wrapper_of(nn.Linear(2, 2), dict(SGD, **{way: False}))
    assert not wrapper.optimizer.param_groups[0]['fused']


def test_an_optimizer_without_it_is_plain():
    wrapper = wrapper_of(nn.Linear(2, 2), dict(type='Adadelta', lr=0.1))
    assert type(wrapper.optimizer) is torch.optim.Adadelta
    assert (why_not_fused(dict(type='Adadelta'), ())
            == 'Adadelta has no such option')


def test_a_type_that_no_kernel_takes_is_named():
    # Complex weights have no fused update on any device.
    weight = nn.Parameter(torch.zeros(3, dtype=torch.complex64))
    assert (why_not_fused(SGD, [weight])
            == 'SGD has it not for torch.complex64 on cpu')


def test_frozen_parameters_are_passed_by():
    weight = torch.zeros(3, dtype=torch.complex64)
    assert why_not_fused(SGD, [weight]) is None


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_weights_are_updated_one_and_all(dtype):
    # Torch 2.13's own fused SGD leaves most of them as they are on a CPU.
    model = nn.Linear(40, 40, bias=False).to(dtype)
    model.weight.data.zero_()
    model.weight.grad = torch.ones_like(model.weight)
    wrapper_of(model, dict(type='SGD', lr=0.5, momentum=0.9)).step()
    assert model.weight.unique().tolist() == [-0.5]


def test_scaled_gradients_are_unscaled_and_bad_ones_skipped():
    """As AmpOptimWrapper does: a fused optimizer takes the scale itself."""
    model = nn.Linear(2, 1, bias=False)
    wrapper = wrapper_of(model, dict(type='SGD', lr=0.5))
    scaler = torch.amp.GradScaler('cpu', init_scale=4.0)
    model.weight.data.zero_()
    scaler.scale(model(torch.ones(1, 2)).sum()).backward()
    scaler.step(wrapper.optimizer)
    scaler.update()
    # The gradient is 1, whatever the scale: 0 - 0.5 * 1
    assert model.weight.tolist() == [[-0.5, -0.5]]
    wrapper.zero_grad()
    scaler.scale(model(torch.full((1, 2), float('inf'))).sum()).backward()
    scaler.step(wrapper.optimizer)
    assert model.weight.tolist() == [[-0.5, -0.5]]


def test_misspelt_paramwise_keys_are_still_found():
    found = list(strange_keys(
        dict(constructor='FusedOptimWrapperConstructor', type='OptimWrapper',
             paramwise_cfg=dict(bias_lr_mul=2.0)), 'optim_wrapper'))
    assert [key for key, _ in found] == [
        'optim_wrapper.paramwise_cfg.bias_lr_mul']
