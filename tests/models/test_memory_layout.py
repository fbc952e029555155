"""Narrow convolutions are kept out of the channels-last layout."""
import pytest
from torch import nn

from chtn_plugin.models.memory_layout import has_narrow_layers


@pytest.mark.parametrize('layer, narrow', [
    (nn.Conv2d(3, 4, 3), True), (nn.Conv2d(4, 8, 3), False),
    # A squeeze of one pixel is a matrix product.
    (nn.Conv2d(32, 4, 1), False), (nn.Linear(4, 4), False)])
def test_what_is_narrow(layer, narrow):
    assert has_narrow_layers(nn.Sequential(nn.Conv2d(3, 16, 3), layer)) == (
        narrow)
