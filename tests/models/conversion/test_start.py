"""A classifier's layers, named as CHTN names its weights."""
from __future__ import annotations

import pytest
import torch

from chtn_plugin.models.conversion.start import (
    LAYERS,
    backbone_of,
    fitted_to,
    start_weights,
)


def layers(**more):
    """Each layer's weight is its place in the list."""
    return {name: dict(weight=torch.tensor([float(place)]), **more)
            for place, name in enumerate(LAYERS)}


def test_convolutions_become_the_trunk():
    weights = start_weights(layers())
    assert weights['trunk.backbone.stages.0.conv.weight'].item() == 0
    assert weights['trunk.backbone.stages.4.conv.weight'].item() == 4


def test_both_image_pathways_start_alike_and_the_source_classifies():
    weights = start_weights(layers())
    for pathway in ('image_pathway', 'source_pathway'):
        assert weights[f'{pathway}.fc6.weight'].item() == 5
        assert weights[f'{pathway}.fc7.weight'].item() == 6
    assert weights['source_classifier.weight'].item() == 7


def test_statistics_belong_to_the_normalisation_behind():
    weights = start_weights(layers(running_mean=torch.tensor([9.])))
    assert weights['trunk.backbone.stages.0.norm.running_mean'].item() == 9
    assert weights['image_pathway.norm_fc6.running_mean'].item() == 9


def test_a_missing_layer_is_named():
    given = layers()
    del given['conv3']
    with pytest.raises(KeyError, match=r"missing: \['conv3'\]"):
        start_weights(given)


def test_the_backbone_follows_the_layers():
    assert backbone_of(layers(), 'caffe') == dict(type='AlexNetBN',
                                                  layout='caffe')
    assert 'VGG' in backbone_of(
        {f'conv{stage}_{number}': dict(weight=torch.zeros(1))
         for stage, count in enumerate((2, 2, 3, 3, 3), 1)
         for number in range(1, count + 1)}, 'caffe')['type']


def test_a_weight_of_another_shape_is_named_with_both():
    with pytest.raises(ValueError, match=r'image_pathway.fc6.weight is '
                       r'\(4096, 9216\) there and \(1,\) in the file'):
        fitted_to(None, dict(type='AlexNetBN'), {
            'image_pathway.fc6.weight': torch.zeros(1)})


def test_a_weight_without_a_place_is_named():
    with pytest.raises(ValueError, match='the model has no trunk.head'):
        fitted_to(None, dict(type='AlexNetBN'),
                  {'trunk.head': torch.zeros(1)})
