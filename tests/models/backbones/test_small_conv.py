"""The demo's trunk."""
from __future__ import annotations

import torch

from chtn_plugin.models import SmallConvNet


def test_each_stage_halves_the_picture():
    net = SmallConvNet((4, 6, 8), in_channels=1)
    assert net(torch.zeros(2, 1, 32, 32)).shape == (2, 8, 4, 4)


def test_takes_colour_too():
    net = SmallConvNet((4, ), in_channels=3)
    assert net(torch.zeros(1, 3, 8, 8)).shape == (1, 4, 4, 4)


def test_norm_stands_before_the_relu():
    names = [type(layer).__name__ for layer in SmallConvNet((4, )).layers]
    assert names == ['Conv2d', 'BatchNorm2d', 'ReLU', 'MaxPool2d']


def test_every_parameter_gets_a_gradient():
    net = SmallConvNet((4, 6))
    net(torch.randn(3, 1, 8, 8)).sum().backward()
    assert all(p.grad is not None for p in net.parameters())
