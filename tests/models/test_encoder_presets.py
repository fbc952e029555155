"""Encoders by name: what a configuration is told of them."""
from __future__ import annotations

import pytest
from tiny_towers import write_hf_folders

from chtn_plugin.models import encoder_presets as presets
from chtn_plugin.models.encoder_presets import image_encoder, text_encoder


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp('towers')
    write_hf_folders(root)
    for name in ('vit', 'clip'):
        (root / name / 'preprocessor_config.json').write_text(
            '{"image_mean": [0.5, 0.5, 0.5], "image_std": [0.2, 0.2, 0.2], '
            '"size": {"height": 32, "width": 32}}')
    return root


def test_characters_are_neighbours_of_one_and_two():
    found = text_encoder('characters', 7)
    assert found.transform['tokenizer'] == dict(unit='character',
                                                ngrams=(1, 2))
    assert found.transform['num_terms'] == 7
    assert found.encoder['out_features'] == 7


def test_local_folder_of_a_vision_model(folders):
    found = image_encoder(str(folders / 'vit'))
    assert found.backbone['type'] == 'HFVisionBackbone'
    assert (found.pooling, found.size) == ('cls', 32)
    assert found.mean == (127.5, ) * 3 and found.std == (51., ) * 3


def test_aligned_towers_give_their_projections(folders):
    image = image_encoder(str(folders / 'clip'))
    text = text_encoder(str(folders / 'clip'))
    assert image.backbone['output'] == text.encoder['pooling'] == 'projection'
    assert text.transform['max_length'] == 16


def test_text_folder_says_how_it_pools(folders):
    assert text_encoder(str(folders / 'bert')).encoder['pooling'] == 'mean'
    (folders / 'bert' / '1_Pooling').mkdir()
    (folders / 'bert' / '1_Pooling' / 'config.json').write_text(
        '{"pooling_mode_cls_token": true}')
    found = text_encoder(str(folders / 'bert'))
    assert found.encoder['pooling'] == 'cls' and found.encoder['frozen']


def test_positions_of_roberta_begin_behind_its_padding(folders):
    # 512 positions by default, of which those up to the padding's 0 are not
    # a token's; the limit is ours.
    assert text_encoder(str(folders / 'xlm-roberta')
                        ).transform['max_length'] == 256


def test_timm_by_name(monkeypatch):
    timm = pytest.importorskip('timm')
    from timm.models import _builder
    monkeypatch.setattr(presets, 'why_not_on_hub', lambda *args: None)
    monkeypatch.setattr(_builder, 'load_pretrained', lambda *args, **kw: None)
    found = image_encoder('timm:test_vit')
    assert timm.is_model('test_vit')
    assert found.backbone['model_name'] == 'test_vit'
    assert found.backbone['pretrained'] and found.size == 160
    with pytest.raises(ValueError, match="one of timm's models"):
        image_encoder('timm:no_such_model')


def test_timm_without_network_is_told_at_once():
    pytest.importorskip('timm')
    with pytest.raises(FileNotFoundError, match="'timm:resnet18' cannot be "
                       'had from here: timm/resnet18'):
        image_encoder('timm:resnet18')


def test_mmpretrain_by_name(monkeypatch):
    from mmpretrain.models import MobileNetV2
    monkeypatch.setattr(MobileNetV2, 'init_weights', lambda self: None)
    found = image_encoder('mmpretrain:mobilenet-v2_8xb32_in1k')
    assert found.backbone['type'] == 'mmpretrain.MobileNetV2'
    assert found.backbone['init_cfg']['prefix'] == 'backbone'
    assert found.mean[0] == pytest.approx(123.675)
    with pytest.raises(ValueError, match="one of mmpretrain's models"):
        image_encoder('mmpretrain:no_such_model')


@pytest.mark.parametrize('name', ['timm:resnet18', 'mmpretrain:x'])
def test_encoders_of_images_read_no_texts(name):
    with pytest.raises(ValueError, match='must be a text encoder'):
        text_encoder(name)
