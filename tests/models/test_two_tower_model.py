"""The input half that methods share."""
import torch
from mmengine.registry import MODELS

from chtn_plugin.models import Encoded, TwoTowerModel


class Passing(TwoTowerModel):
    """A method whose representations are the towers' own vectors."""

    def encode_image(self, image):
        return Encoded(self.image_features(image))

    def encode_text(self, text):
        return Encoded(self.text_features(text))

    def loss(self, inputs, data_samples):
        return {}


def made(**options):
    return Passing(**dict(dict(
        trunk=dict(input_shape=(3, )),
        text_encoder=dict(type='VectorTextEncoder', out_features=5,
                          norm=None)), **options))


def test_ready_features_pass_as_they_are():
    model, image, text = made(), torch.rand(2, 3), torch.rand(2, 5)
    assert (model.image_size, model.text_size) == (3, 5)
    assert torch.equal(model.encode_image(image).repr, image)
    assert torch.equal(model.encode_text(text).repr, text)


def test_pictures_pass_a_backbone_that_stays_frozen():
    model = made(trunk=dict(
        backbone=dict(type='SmallConvNet', channels=(4, )),
        input_shape=(1, 8, 8), pooling='average')).train()
    assert model.encode_image(torch.rand(2, 1, 8, 8)).repr.shape == (2, 4)
    assert not any(p.requires_grad for p in model.trunk.parameters())
    assert not model.trunk.backbone.training


def test_towers_are_named():
    model = made()
    assert dict(model.towers()) == dict(image=model.trunk,
                                        text=model.text_encoder)


def test_it_is_no_model_by_itself():
    assert 'TwoTowerModel' not in MODELS.module_dict
