"""Models of the transformers package, without a network."""
from types import SimpleNamespace

import pytest
import torch
from tiny_towers import ARCHITECTURES

from chtn_plugin.storage.hf_files import (
    architecture_of,
    hf_place,
    is_dual,
    load_hf_model,
    projected,
)


def shapes(model):
    return {name: tuple(value.shape)
            for name, value in model.state_dict().items()}


@pytest.mark.parametrize('kind, tower', [
    ('bert', 'text'), ('vit', 'image'), ('clip', 'text')])
def test_an_architecture_rebuilds_its_model(kind, tower):
    model = load_hf_model(None, ARCHITECTURES[kind], tower)
    architecture = architecture_of(model)
    assert architecture['model_type'] == kind
    assert shapes(load_hf_model(None, architecture, tower)) == shapes(model)


def test_an_architecture_does_not_say_where_the_model_came_from():
    model = load_hf_model(None, ARCHITECTURES['bert'], 'text')
    model.config._name_or_path = '/home/somebody/bert'
    assert 'somebody' not in str(architecture_of(model))


def test_a_dual_encoder_keeps_one_tower():
    model = load_hf_model(None, ARCHITECTURES['clip'], 'image')
    assert is_dual(model)
    assert not any(name.startswith('text_') for name in model.state_dict())
    assert any(name.startswith('vision_') for name in model.state_dict())


def test_a_model_of_one_modality_is_no_dual_encoder():
    assert not is_dual(load_hf_model(None, ARCHITECTURES['bert'], 'text'))


def test_a_tower_is_an_image_s_or_a_text_s():
    with pytest.raises(ValueError, match="tower.*'sound'"):
        load_hf_model(None, ARCHITECTURES['bert'], 'sound')


def test_a_folder_is_its_own_place(tmp_path):
    assert hf_place(str(tmp_path)) == str(tmp_path)


def test_a_name_that_the_hub_does_not_give_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match='hf download'):
        hf_place(str(tmp_path / 'none'))


def test_a_projection_is_a_tensor_under_every_version():
    rows = torch.ones(1, 2)
    assert projected(rows) is rows
    assert projected(SimpleNamespace(pooler_output=rows)) is rows
