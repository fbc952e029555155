"""Encoders that are chosen: which, for which texts, and what is said."""
from __future__ import annotations

import pytest
from tiny_towers import write_hf_folders

from chtn_plugin.models import encoder_choice as choice
from chtn_plugin.models.encoder_choice import choose_encoders, reads_latin
from chtn_plugin.models.encoder_presets import (
    IMAGE_PRESETS,
    TEXT_PRESETS,
    ImageEncoder,
    TextEncoder,
    text_encoder,
)

ENGLISH = ['A cat sits on a mat.', 'Two dogs run.']
CHINESE = ['一只猫坐在垫子上', '两只狗在跑']


@pytest.fixture
def here(monkeypatch):
    """Says which presets can be had; their weights are not read."""
    def set_to(*names):
        places = {place for table in (IMAGE_PRESETS, TEXT_PRESETS)
                  for name, (place, _) in table.items() if name in names}
        monkeypatch.setattr(choice, '_can_be_had', places.__contains__)
        monkeypatch.setattr(choice, '_knows_words', lambda *args: True)
        monkeypatch.setattr(
            choice, 'image_encoder', lambda name: None if name == 'scratch'
            else ImageEncoder(name, name, {}))
        real = text_encoder
        monkeypatch.setattr(
            choice, 'text_encoder', lambda name, terms: real(name, terms)
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
    monkeypatch.setattr(choice, '_knows_words', lambda *args: False)
    assert chosen()[1] == 'characters'


def test_a_package_that_vanished_is_passed_by(here, monkeypatch):
    here('offline')

    def gone(name):
        if name == 'offline':
            raise FileNotFoundError('gone')
    monkeypatch.setattr(choice, 'image_encoder', gone)
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


def test_tokenizer_that_does_not_know_the_words(tmp_path):
    write_hf_folders(tmp_path)
    found = text_encoder(str(tmp_path / 'bert'))
    # The folder's vocabulary: words of tiny_towers, without a full stop.
    assert choice._knows_words(found, ['two dogs run'])
    assert not choice._knows_words(found, ['xyz uvw abc', 'q'])
