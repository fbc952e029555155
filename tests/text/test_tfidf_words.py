"""TF-IDF vectors: scikit-learn's numbers, and the unit that a script asks."""
from __future__ import annotations

import numpy as np
import pytest
import torch
from mmengine.registry import TRANSFORMS

from chtn_plugin.text import BagOfWords, TfidfWords

ENGLISH = ['the cat and the hat and the bat', 'a cat sat', 'two dogs sat',
           'cat cat cat cat dogs']
CHINESE = ['我爱猫猫猫', '猫在睡觉', '我在睡觉我在', '狗爱猫']


def fitted(texts, **options):
    transform = TfidfWords(**dict(dict(num_terms=50), **options))
    transform.fit(texts)
    return transform


@pytest.mark.parametrize('texts, query, options, gap', [
    (ENGLISH, ['the cat the dogs', 'zebra'],
     dict(token_pattern=r'\w+'), ' '),
    # its characters are joined without a space
    (CHINESE, ['猫猫睡觉', '汉'], dict(analyzer='char', ngram_range=(1, 2)),
     '')], ids=['words', 'characters'])
def test_equals_scikit_learn(texts, query, options, gap):
    sklearn = pytest.importorskip('sklearn.feature_extraction.text')
    vectorizer = sklearn.TfidfVectorizer(sublinear_tf=True, **options)
    vectorizer.fit(texts)
    transform = fitted(texts)
    terms = [term.replace(' ', gap) for term in transform.terms]
    columns = [terms.index(t) for t in vectorizer.get_feature_names_out()]
    assert len(columns) == len(terms)
    for some in (texts, query):
        np.testing.assert_allclose(
            transform(some)[:, columns].numpy(),
            vectorizer.transform(some).toarray(), atol=1e-7)


@pytest.mark.parametrize('texts, unit', [
    (ENGLISH, 'word'), (CHINESE, 'character'), (['แมว', 'cat'], 'character'),
    (['हिन्दी भाषा'], 'word'), (['A cat is 猫 here'], 'word')])
def test_the_script_decides_the_unit(texts, unit):
    assert fitted(texts).state()['unit'] == unit


def test_the_unit_may_be_said():
    assert fitted(CHINESE, unit='word').terms[0] == '猫'
    assert 'a' in fitted(ENGLISH, unit='character').terms


def test_state_alone_encodes_alike():
    first, second = fitted(CHINESE), TfidfWords(num_terms=50)
    second.load_state(first.state())
    assert torch.equal(first(CHINESE), second(CHINESE))
    assert second.state() == first.state()


def test_the_state_of_another_transform_is_refused():
    bag = BagOfWords(num_terms=50)
    bag.fit(ENGLISH)
    with pytest.raises(ValueError, match="must hold its unit, one of "
                       r"\['word', 'character'\], got None"):
        TfidfWords().load_state(bag.state())


def test_a_refused_state_changes_nothing():
    transform = TfidfWords(num_terms=2)
    with pytest.raises(ValueError, match='num_terms is 2'):
        transform.load_state(fitted(CHINESE).state())
    assert transform.tokenizer.unit == 'word' and not transform.terms


def test_an_unknown_unit_is_refused():
    with pytest.raises(ValueError, match="got 'syllable'"):
        TfidfWords(unit='syllable')


def test_is_registered():
    assert TRANSFORMS.get('TfidfWords') is TfidfWords
