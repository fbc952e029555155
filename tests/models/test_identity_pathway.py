"""Aligned towers reach the shared head, and the ranking, as they are."""
from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from mmengine.registry import MODELS
from tiny_towers import ARCHITECTURES, SIZE

from chtn_plugin.models import IdentityPathway


def test_taps_are_the_input():
    features = torch.tensor([[3., 4.], [0., 2.]])
    taps = IdentityPathway(2, normalized=False)(features)
    assert torch.equal(taps['fc6'], features)
    assert torch.equal(taps['fc7'], features)
    scaled = IdentityPathway(2)(features)['fc7']
    torch.testing.assert_close(scaled, torch.tensor([[.6, .8], [0., 1.]]))


def test_input_size_is_needed():
    with pytest.raises(ValueError, match='in_features'):
        IdentityPathway()


@pytest.fixture
def model():
    torch.manual_seed(0)
    clip = ARCHITECTURES['clip']
    return MODELS.build(dict(
        type='CHTN', num_classes=2, input_shape=(3, SIZE, SIZE),
        backbone=dict(type='HFVisionBackbone', architecture=clip,
                      output='projection'),
        trunk_mode='frozen',
        text_encoder=dict(type='HFTextEncoder', architecture=clip,
                          pooling='projection', frozen=True),
        image_pathway=dict(type='IdentityPathway'), source_pathway=None,
        common_head=dict(type='CommonHead', widths=(4, 4)), mmd=None,
        pair=None, representation='fc7'))


def batch():
    return dict(image=torch.rand(2, 3, SIZE, SIZE),
                text=dict(input_ids=torch.tensor([[2, 5, 3], [2, 6, 3]]),
                          attention_mask=torch.ones(2, 3, dtype=int)))


def test_untouched_towers_are_compared(model):
    inputs, index = batch(), torch.arange(2)
    items = model.eval()(inputs, dict(
        label=index, sample_idx=index, image_idx=index, text_idx=index),
        'predict')
    for name, own in (
        ('image', model.trunk.backbone(inputs['image'])),
        ('text', model.text_encoder(inputs['text']))):
        torch.testing.assert_close(
            torch.stack([item[f'{name}_repr'] for item in items]),
            F.normalize(own))


def test_the_head_alone_is_trained(model):
    model.train()
    losses = model(batch(), dict(label=torch.arange(2),
                                 image_idx=torch.arange(2),
                                 text_idx=torch.arange(2)), 'loss')
    sum(v for k, v in losses.items() if 'loss' in k).backward()
    trained = {name.split('.')[0] for name, p in model.named_parameters()
               if p.grad is not None}
    assert trained == {'common_head'}
