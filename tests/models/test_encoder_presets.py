"""Encoders by name: what is found, what is chosen, what is said."""
from __future__ import annotations

import pytest
from tiny_towers import write_hf_folders

from chtn_plugin.models import encoder_presets as presets
from chtn_plugin.models.encoder_presets import (
    IMAGE_PRESETS,
    TEXT_PRESETS,
    ImageEncoder,
    TextEncoder,
    choose_encoders,
    image_encoder,
    reads_latin,
    text_encoder,
)

ENGLISH = ['A cat sits on a mat.', 'Two dogs run.']
CHINESE = ['一只猫坐在垫子上', '两只狗在跑']


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp('towers')
    write_hf_folders(root)
    for name in ('vit', 'clip'):
        (root / name / 'preprocessor_config.json').write_text(
            '{"image_mean": [0.5, 0.5, 0.5], "image_std": [0.2, 0.2, 0.2], '
            '"size": {"height": 32, "width": 32}}')
    return root


@pytest.fixture
def here(monkeypatch):
    """Says which presets can be had; their weights are not read."""
    def set_to(*names):
        places = {place for table in (IMAGE_PRESETS, TEXT_PRESETS)
                  for name, (place, _) in table.items() if name in names}
        monkeypatch.setattr(presets, '_can_be_had', places.__contains__)
        monkeypatch.setattr(presets, '_knows_words', lambda *args: True)
        monkeypatch.setattr(
            presets, 'image_encoder', lambda name: None if name == 'scratch'
            else ImageEncoder(name, name, {}))
        real = text_encoder
        monkeypatch.setattr(
            presets, 'text_encoder', lambda name, terms: real(name, terms)
            if name in ('words', 'characters')
            else TextEncoder(name, name, dict(type='HFTokens'), {}))
    return set_to


def chosen(texts=ENGLISH, images='auto', **options):
    image, text, line = choose_encoders(images, 'auto', texts, **options)
    return image and image.name, text.name, line


def test_without_anything_it_learns_from_scratch_and_says_what_pip_has(here):
    here()
    image, text, line = chosen()
    assert (image, text) == (None, 'words')
    assert line.startswith('encoders: pictures by scratch (a small network')
    assert 'better, at once: pip install -e .[encoders]' in line
    assert '\n' not in line


def test_packages_serve_without_network_and_say_what_the_hub_has(here):
    here('offline')
    image, text, line = chosen()
    assert (image, text) == ('offline', 'offline')
    assert 'better: clip or dino-minilm' in line and 'hf download' in line
    assert '[encoders]' not in line


def test_aligned_towers_come_first(here):
    here('clip', 'dino-minilm', 'offline')
    image, text, line = chosen()
    assert (image, text) == ('clip', 'clip') and 'better' not in line


def test_long_texts_do_not_go_through_clip(here):
    here('clip', 'offline')
    assert chosen(['word ' * 80] * 3)[:2] == ('clip', 'offline')


def test_texts_are_clips_only_beside_its_pictures(here):
    here('clip', 'offline')
    assert chosen(images='dino-minilm')[:2] == ('dino-minilm', 'offline')


@pytest.mark.parametrize('there, name', [
    (('clip', 'offline'), 'characters'),
    (('clip', 'offline', 'multilingual'), 'multilingual')])
def test_other_scripts_get_what_reads_them(here, there, name):
    here(*there)
    _, text, line = chosen(CHINESE)
    assert text == name
    assert ('better: multilingual' in line) == (name == 'characters')


def test_texts_of_unknown_words_get_characters(here, monkeypatch):
    here('offline')
    monkeypatch.setattr(presets, '_knows_words', lambda *args: False)
    assert chosen()[1] == 'characters'


def test_a_package_that_vanished_is_passed_by(here, monkeypatch):
    here('offline')

    def gone(name):
        if name == 'offline':
            raise FileNotFoundError('gone')
    monkeypatch.setattr(presets, 'image_encoder', gone)
    assert chosen()[0] is None


def test_what_is_named_is_not_replaced(monkeypatch):
    with pytest.raises(FileNotFoundError, match='hf download nobody/nothing'):
        choose_encoders('nobody/nothing', 'words', ENGLISH)
    with pytest.raises(FileNotFoundError, match='hf download nobody/nothing'):
        choose_encoders('scratch', 'nobody/nothing', ENGLISH)


@pytest.mark.parametrize('texts, latin', [
    (ENGLISH, True), (CHINESE, False), (['Ünïcödé ÇA'], True),
    (['кошка cat'], False), (['猫 a cat'], True), (['12 !'], True),
    ([], True)])
def test_half_of_the_letters_tell_the_script(texts, latin):
    assert reads_latin(texts) == latin


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


def test_tokenizer_that_does_not_know_the_words(folders):
    found = text_encoder(str(folders / 'bert'))
    # The folder's vocabulary: words of tiny_towers, without a full stop.
    assert presets._knows_words(found, ['two dogs run'])
    assert not presets._knows_words(found, ['xyz uvw abc', 'q'])


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
