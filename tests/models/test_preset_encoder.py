"""An image encoder by its preset."""
from __future__ import annotations

import torch

from chtn_plugin.models.encoder_presets import ImageEncoder
from chtn_plugin.models.preset_encoder import PresetEncoder

PRESET = ImageEncoder(
    'small', 'a net', dict(type='SmallConvNet', in_channels=3), size=16,
    mean=(10., 20., 30.), std=(1., 2., 4.))


def test_the_tower_is_frozen_and_gives_a_vector_an_image():
    tower = PresetEncoder(PRESET).towers()['image']
    assert tower.mode == 'frozen'
    assert not any(p.requires_grad for p in tower.parameters())
    vectors = tower(torch.zeros(2, 3, 16, 16))
    assert vectors.shape == (2, tower.out_features)


def test_pixels_are_normalised_as_the_preset_says():
    images = torch.tensor([11., 24., 38.]).view(1, 3, 1, 1)
    made = PresetEncoder(PRESET).data_preprocessor(
        dict(inputs=dict(image=images), data_samples={}), False)
    assert made['inputs']['image'].flatten().tolist() == [1, 2, 2]
