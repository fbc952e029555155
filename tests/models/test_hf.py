"""Models of transformers: towers, poolings, memory, and what is refused."""
from __future__ import annotations

import importlib.util

import pytest
import torch
from tiny_towers import ARCHITECTURES, SIZE

from chtn_plugin.models import HFTextEncoder, HFVisionBackbone
from chtn_plugin.storage.hf_files import load_hf_model

TEXT = dict(input_ids=torch.tensor([[2, 5, 6, 3], [2, 7, 3, 0]]),
            attention_mask=torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]]))


def text(kind='bert', **options):
    torch.manual_seed(0)
    return HFTextEncoder(architecture=ARCHITECTURES[kind], **options).eval()


@pytest.mark.parametrize('pooling, rows', [
    ('cls', [slice(0, 1), slice(0, 1)]), ('eos', [slice(3, 4), slice(2, 3)]),
    ('mean', [slice(0, 4), slice(0, 3)])])
def test_pooling_takes_the_tokens_it_says(pooling, rows):
    encoder = text(pooling=pooling)
    states = encoder.model(**TEXT).last_hidden_state
    expected = torch.stack([states[i, row].mean(0)
                            for i, row in enumerate(rows)])
    torch.testing.assert_close(encoder(TEXT), expected)


def test_padding_of_the_batch_changes_nothing():
    encoder = text()
    longer = {name: torch.nn.functional.pad(value, (0, 5))
              for name, value in TEXT.items()}
    torch.testing.assert_close(encoder(longer), encoder(TEXT))


def test_normalized_vectors_have_length_1():
    torch.testing.assert_close(text(normalized=True)(TEXT).norm(dim=1),
                               torch.ones(2))


def test_frozen_encodes_each_text_once(monkeypatch):
    encoder = text(frozen=True).train()
    assert not encoder.model.training
    first = encoder(TEXT)
    seen = []
    inner = encoder._encoded
    monkeypatch.setattr(encoder, '_encoded', lambda t: seen.append(
        len(t['input_ids'])) or inner(t))
    assert torch.equal(encoder(TEXT), first) and not seen
    assert not first.requires_grad
    new = {name: value.flip(0)[:1].clone() for name, value in TEXT.items()}
    new['input_ids'][0, 1] = 9
    both = {name: torch.cat([TEXT[name], new[name]]) for name in TEXT}
    assert torch.equal(encoder(both)[:2], first)
    assert seen == [1]


@pytest.mark.parametrize('kind, pooling', [
    ('bert', 'pooler'), ('clip', 'projection'), ('bert', 'mean')])
def test_frozen_remembers_in_float32_under_autocast(kind, pooling):
    exact = text(kind, pooling=pooling, frozen=True)(TEXT)
    encoder = text(kind, pooling=pooling, frozen=True)
    with torch.autocast('cpu', torch.bfloat16):
        assert encoder(TEXT).dtype == torch.float32
    # The validation that follows has no autocast.
    layer = torch.nn.Linear(encoder.out_features, 2)
    assert layer(encoder(TEXT)).dtype == torch.float32
    assert torch.equal(encoder(TEXT), exact)


def test_frozen_remembers_as_many_as_it_may():
    encoder = text(frozen=True, remembered=3)
    ids = torch.tensor([[2, 5, 3], [2, 6, 3], [2, 5, 3], [2, 7, 3],
                        [2, 8, 3]])
    whole = dict(input_ids=ids, attention_mask=torch.ones_like(ids))
    expected = encoder._encoded(whole)
    for _ in range(2):  # the fourth text is computed each time
        torch.testing.assert_close(encoder(whole), expected)
    assert len(encoder._memory) == len(encoder._vectors) == 3
    encoder.remembered = 0
    other = dict(whole, input_ids=ids + 1)
    torch.testing.assert_close(encoder(other), encoder._encoded(other))
    assert len(encoder._memory) == 3


def test_frozen_goes_on_remembering_after_inference():
    encoder = text(frozen=True)
    with torch.inference_mode():
        first = encoder(TEXT).clone()
    longer = {name: torch.cat([value, value.flip(1)])
              for name, value in TEXT.items()}
    vectors = torch.nn.Linear(8, 1)(encoder(longer))
    vectors.sum().backward()
    assert torch.equal(encoder(TEXT), first)
    assert len(encoder._memory) == 4


def test_other_weights_forget_the_vectors():
    encoder = text(frozen=True)
    before = encoder(TEXT)
    weights = {name: value + 1 if value.is_floating_point() else value
               for name, value in encoder.state_dict().items()}
    encoder.load_state_dict(weights)
    assert not torch.equal(encoder(TEXT), before)


def test_what_takes_no_part_is_frozen():
    frozen = [name for name, p in text(pooling='cls').named_parameters()
              if not p.requires_grad]
    assert frozen == ['model.pooler.dense.weight', 'model.pooler.dense.bias']


@pytest.mark.parametrize('kind', ['clip', 'siglip'])
def test_a_dual_encoder_keeps_one_tower(kind):
    image = HFVisionBackbone(architecture=ARCHITECTURES[kind])
    assert not any('text' in name for name, _ in image.named_parameters())
    assert not any('vision' in name or 'visual' in name
                   for name, _ in text(kind).named_parameters())


def test_projections_are_those_of_the_whole_model():
    from transformers import AutoConfig, AutoModel
    torch.manual_seed(0)
    whole = AutoModel.from_config(
        AutoConfig.for_model(**ARCHITECTURES['clip'])).eval()
    image = HFVisionBackbone(architecture=ARCHITECTURES['clip'],
                             output='projection').eval()
    words = text('clip', pooling='projection')
    for part in (image, words):
        part.model.load_state_dict(whole.state_dict(), strict=False)
    pixels = torch.rand(2, 3, SIZE, SIZE)
    found = whole(pixel_values=pixels, **TEXT)
    for ours, theirs in ((image(pixels), found.image_embeds),
                         (words(TEXT), found.text_embeds)):
        torch.testing.assert_close(
            torch.nn.functional.normalize(ours), theirs)


@pytest.mark.parametrize('kind, options, message', [
    ('bert', dict(pooling='last'), 'pooling must be one of'),
    ('bert', dict(pooling='projection'), 'dual encoder, got BertModel'),
    ('bert', dict(frozen=True, lora=dict(r=2)), 'lora trains'),
])
def test_option_that_does_not_fit_is_refused(kind, options, message):
    with pytest.raises(ValueError, match=message):
        text(kind, **options)


@pytest.mark.parametrize('kind, output, message', [
    ('vit', 'map', 'output must be one of'),
    ('vit', 'projection', 'dual encoder, got ViTModel')])
def test_vision_output_that_does_not_fit_is_refused(kind, output, message):
    with pytest.raises(ValueError, match=message):
        HFVisionBackbone(architecture=ARCHITECTURES[kind], output=output)


def test_text_longer_than_the_positions_is_refused():
    long = {name: torch.ones(1, 40, dtype=torch.int64) for name in TEXT}
    with pytest.raises(ValueError, match='at most 16 tokens.*got 40'):
        text('clip')(long)


def test_token_outside_the_vocabulary_is_refused():
    with pytest.raises(ValueError, match='below 30.*got 99'):
        text()({name: torch.full((1, 2), 99) for name in TEXT})


def test_a_missing_folder_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv('HF_HUB_OFFLINE', '1')
    with pytest.raises(FileNotFoundError, match='hf download'):
        HFTextEncoder(str(tmp_path / 'none'))


def test_model_or_architecture_is_needed():
    with pytest.raises(ValueError, match='must be given'):
        load_hf_model(None, None, 'text')
    with pytest.raises(ValueError, match='model_type'):
        load_hf_model(None, dict(hidden_size=8), 'text')


@pytest.mark.parametrize('size, expected', [
    ('"size": {"height": 20, "width": 30}', (20, 30)),
    ('"size": 20', 20),
    ('"size": {"shortest_edge": 20}', None),
    ('"do_center_crop": true, "size": {"shortest_edge": 20}, '
     '"crop_size": {"height": 18, "width": 18}', (18, 18))])
def test_the_folder_says_what_pixels_are_expected(size, expected, tmp_path):
    from transformers import AutoConfig, AutoModel
    AutoModel.from_config(AutoConfig.for_model(
        **ARCHITECTURES['vit'])).save_pretrained(tmp_path)
    (tmp_path / 'preprocessor_config.json').write_text(
        '{"image_mean": [0.5, 0.5, 0.5], "image_std": [0.2, 0.2, 0.2], '
        + size + '}')
    found = HFVisionBackbone(str(tmp_path)).normalization
    assert found['mean'] == pytest.approx([127.5] * 3)
    assert found['std'] == pytest.approx([51] * 3)
    assert found['order'] == 'RGB' and found.get('size') == expected


@pytest.mark.skipif(not all(map(importlib.util.find_spec,
                                ('peft', 'accelerate'))),
                    reason='peft is an extra: pip install peft')
def test_lora_trains_its_own_matrices_alone():
    encoder = text(lora=dict(r=2, target_modules=['query']))
    trained = {name for name, p in encoder.named_parameters()
               if p.requires_grad}
    assert trained and all('lora' in name for name in trained)
    encoder.train()(TEXT).sum().backward()
