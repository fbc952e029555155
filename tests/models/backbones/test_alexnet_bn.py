"""The released trunk: shapes, normalisation, torchvision's layout."""
from __future__ import annotations

import pytest
import torch
from mmengine.registry import MODELS
from torch import nn

from chtn_plugin.models import AlexNetBN


def convolutions(net):
    return [module for module in net.modules()
            if isinstance(module, nn.Conv2d)]


@pytest.fixture(scope='module')
def released():
    return AlexNetBN().eval()


@pytest.mark.parametrize('layout', ['caffe', 'torchvision'])
@torch.no_grad()
def test_224_ends_in_6_by_6(layout):
    out = AlexNetBN(layout).eval()(torch.zeros(1, 3, 224, 224))
    assert out.shape == (1, 256, 6, 6)


@torch.no_grad()
def test_released_maps_after_each_stage(released):
    # conv1: (224 - 11) / 4 + 1 = 54; pools round up: 27, 13, 6.
    sizes, x = [], torch.zeros(1, 3, 224, 224)
    for stage in released.stages:
        x = stage(x)
        sizes.append(tuple(x.shape[1:]))
    assert sizes == [(96, 27, 27), (256, 13, 13), (384, 13, 13),
                     (384, 13, 13), (256, 6, 6)]


def test_released_convolutions(released):
    # out channels, input channels of a group, kernel
    assert [(conv.out_channels, conv.weight.shape[1], conv.kernel_size[0])
            for conv in convolutions(released)] == [
                (96, 3, 11), (256, 48, 5), (384, 256, 3), (384, 192, 3),
                (256, 192, 3)]


def test_released_norms_have_no_scale_and_shift(released):
    norms = [module for module in released.stages.modules()
             if isinstance(module, nn.BatchNorm2d)]
    assert len(norms) == 5 and not any(norm.affine for norm in norms)


def test_input_norm_has_a_frozen_scale_and_shift(released):
    scale, shift = released.input_norm.weight, released.input_norm.bias
    assert (scale.tolist(), shift.tolist()) == ([1] * 3, [0] * 3)
    assert not scale.requires_grad and not shift.requires_grad


def test_pools_of_torchvision_round_down():
    pools = [module for module in AlexNetBN('torchvision').modules()
             if isinstance(module, nn.MaxPool2d)]
    assert not any(pool.ceil_mode for pool in pools)


def test_momentum_reaches_every_norm():
    norms = [module for module in AlexNetBN(momentum=0.3).modules()
             if isinstance(module, nn.BatchNorm2d)]
    assert {norm.momentum for norm in norms} == {0.3}


def test_may_have_no_norm_at_all():
    net = AlexNetBN('torchvision', norm=False)
    assert not list(net.buffers()) and len(list(net.parameters())) == 10


def test_unknown_layout_is_refused():
    with pytest.raises(ValueError, match="got 'keras'"):
        MODELS.build(dict(type='AlexNetBN', layout='keras'))
