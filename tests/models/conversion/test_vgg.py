"""VGG in two layouts becomes CHTN's start."""
from __future__ import annotations

import pytest
import torch
from mmengine.registry import MODELS
from torch import nn

from chtn_plugin.models.conversion import (
    backbone_of,
    classifier_layers,
    fitted_to,
    start_weights,
    vgg_layers,
)


def narrow(network):
    """A classifier 16 and 12 wide on 32 x 32 pixels; random weights."""
    network.classifier[0] = nn.Linear(512, 16)
    network.classifier[3] = nn.Linear(16, 12)
    network.classifier[6] = nn.Linear(12, 10)
    generator = torch.Generator().manual_seed(0)
    network = network.to_empty(device='cpu')
    network.eval()
    for name, value in network.state_dict().items():
        if value.dim() > 1:
            nn.init.normal_(value, std=(2 / value[0].numel()) ** 0.5,
                            generator=generator)
        elif value.dim() == 1:
            nn.init.uniform_(value, 0.5 if 'var' in name else 0.1, 1.,
                             generator=generator)
        else:
            value.zero_()
    return network


@pytest.fixture(scope='module', params=['vgg11', 'vgg11_bn', 'mmpretrain'])
def network(request):
    with torch.device('meta'):
        if request.param == 'mmpretrain':
            from mmpretrain.models import VGG
            made = VGG(11, num_classes=10, norm_cfg=dict(type='BN'))
        else:
            import torchvision
            made = getattr(torchvision.models, request.param)(num_classes=10)
            made.avgpool = nn.Identity()
        return narrow(made)


def config(backbone, **options):
    return dict(
        dict(type='CHTN', num_classes=2, num_source_classes=10,
             input_shape=(3, 32, 32), backbone=dict(backbone),
             text_encoder=dict(type='VectorTextEncoder', out_features=3),
             image_pathway=dict(type='Pathway', widths=(16, 12), norm=False),
             common_head=dict(type='CommonHead', widths=(4, 4))), **options)


@torch.no_grad()
def test_source_logits_are_those_of_the_network(network):
    layers = classifier_layers(network.state_dict())
    backbone = backbone_of(layers, 'torchvision')
    weights = fitted_to(config(backbone), backbone, start_weights(layers))
    torch.manual_seed(1)  # what is not taken over starts elsewhere
    model = MODELS.build(config(backbone)).eval()
    missing, unexpected = model.load_state_dict(weights, strict=False)
    assert not unexpected
    assert not [name for name in missing if 'num_batches' not in name
                and name.split('.')[0] in ('trunk', 'image_pathway',
                                           'source_pathway')]
    images = torch.randn(2, 3, 32, 32,
                         generator=torch.Generator().manual_seed(1))
    source = model.source_pathway(model.trunk(images))['fc7']
    expected = network(images)
    expected = expected[-1] if isinstance(expected, tuple) else expected
    assert (expected[0] - expected[1]).abs().max() > 1e-3
    torch.testing.assert_close(model.source_classifier(source), expected)
    for part in ('fc6', 'fc7'):
        assert torch.equal(weights[f'image_pathway.{part}.weight'],
                           weights[f'source_pathway.{part}.weight'])


@pytest.mark.parametrize('depth', [11, 13, 16, 19])
def test_whole_network_fits_the_released_widths(depth):
    import torchvision
    with torch.device('meta'):
        state = getattr(torchvision.models, f'vgg{depth}')().state_dict()
    layers = classifier_layers(state)
    backbone = backbone_of(layers, 'torchvision')
    assert backbone == dict(type='mmpretrain.VGG', depth=depth, norm_cfg=None)
    kept = fitted_to(None, backbone, start_weights(layers))
    assert len(kept) == 2 * (depth - 3 + 2 * 2 + 1)
    assert kept['image_pathway.fc6.weight'].shape == (4096, 25088)


def small(count, norms=0):
    state = {f'features.{i}.weight': torch.zeros(1, 1, 3, 3)
             for i in range(count)}
    state.update({f'features.{100 + i}.weight': torch.zeros(1)
                  for i in range(norms)})
    state.update({f'features.{i}.bias': torch.zeros(1) for i in range(count)})
    return state


@pytest.mark.parametrize('state, reason', [
    (small(9), 'convolutions, this one has 9'),
    (small(8, norms=7), 'there are 7 and 8'),
    (small(8), "fc6 is missing: a VGG has 'classifier.0.weight'")])
def test_what_is_no_whole_vgg_is_named(state, reason):
    with pytest.raises(KeyError, match=reason):
        vgg_layers(state)


@pytest.mark.parametrize('network', ['vgg11_bn'], indirect=True)
def test_a_trunk_without_normalisation_is_named(network):
    layers = classifier_layers(network.state_dict())
    backbone = backbone_of(layers, 'torchvision')
    plain = config(dict(type='mmpretrain.VGG', depth=11))
    with pytest.raises(ValueError, match=r"features.0.bn.*VGG, depth=11, "
                       r"norm_cfg=\{'type': 'BN'\}"):
        fitted_to(plain, backbone, start_weights(layers))
