"""Texts through the file that runs an export, beside the transforms."""
from __future__ import annotations

import json

import numpy as np
import pytest

from chtn_plugin.export.onnx_export import _numbers_of, _write_tokenizer
from chtn_plugin.export.onnx_runtime import Towers
from chtn_plugin.text import BagOfWords, TfidfWords, WordIndices

TRAINING = ['भारत में हिन्दी', 'Le caf\u00e9 \u00e0 c\u00f4t\u00e9', '猫 在 睡觉',
            'ΟΔΟΣ of the İstanbul', 'a b a b c']
TEXTS = [*TRAINING, 'le cafe\u0301', 'हिन्दी हिन', '', 'zebra', 'a\ud800b ' * 9]
KINDS = {
    'counts': (BagOfWords, dict(num_terms=30)),
    'tfidf': (BagOfWords, dict(num_terms=30, weighting='tfidf', norm='l2')),
    'n-grams': (BagOfWords, dict(num_terms=60, tokenizer=dict(
        ngrams=[1, 2], stop_words=['of', 'a']))),
    'characters': (BagOfWords, dict(num_terms=60, tokenizer=dict(
        unit='character', ngrams=[1, 2]))),
    'cased': (BagOfWords, dict(num_terms=30, tokenizer=dict(
        lowercase=False, marks=False))),
    'sublinear': (BagOfWords, dict(num_terms=30, sublinear_tf=True)),
    'TF-IDF of words': (TfidfWords, dict(num_terms=60)),
    'TF-IDF of characters': (TfidfWords, dict(num_terms=60,
                                              unit='character')),
    'numbers': (WordIndices, dict(num_words=30, max_length=5)),
    'numbers of n-grams': (WordIndices, dict(
        num_words=30, max_length=9, tokenizer=dict(ngrams=[2, 2]))),
}


def exported(transform, folder, options):
    """The part of an export that reads texts."""
    _write_tokenizer(transform, folder)
    towers = object.__new__(Towers)
    towers.folder = folder
    towers.meta = json.loads(json.dumps(dict(
        text=dict(options, type=type(transform).__name__),
        text_state=_numbers_of(transform))))
    towers._read_tokenizer = towers._read_vocabulary = None
    return towers


@pytest.mark.parametrize('name', KINDS)
def test_texts_become_the_same_numbers(name, tmp_path):
    kind, options = KINDS[name]
    transform = kind(**options)
    transform.fit(TRAINING)
    np.testing.assert_allclose(
        exported(transform, tmp_path, options).encode(TEXTS)['text'],
        transform(TEXTS).numpy(), atol=1e-6)


@pytest.mark.parametrize('kind, options, state', [
    (BagOfWords, dict(num_terms=4), dict(terms=['ह', 'न'], idf=[1., 1.])),
    (WordIndices, dict(num_words=9, max_length=4), dict(words=['ह', 'न']))])
def test_a_state_of_an_earlier_version_is_split_as_it_was(
        kind, options, state, tmp_path):
    transform = kind(**options)
    transform.load_state(state)
    there = exported(transform, tmp_path, options).encode(['हिन्दी'])['text']
    assert there.any()
    assert there.tolist() == transform(['हिन्दी']).tolist()


def test_the_vocabulary_stands_in_the_tokenizer_file_alone(tmp_path):
    transform = BagOfWords(num_terms=3)
    transform.fit(['cat'])
    towers = exported(transform, tmp_path, {})
    assert list(towers.meta['text_state']) == ['idf']
    assert 'cat' in (tmp_path / 'tokenizer.json').read_text()


def test_texts_of_another_kind_are_refused(tmp_path):
    towers = exported(BagOfWords(), tmp_path, {})
    towers.meta['text']['type'] = 'Mine'
    with pytest.raises(ValueError, match='the texts of this model are Mine'):
        towers.encode(['a'])
