"""Texts to vectors."""
from __future__ import annotations

import math

import pytest
import torch
from mmengine.registry import TRANSFORMS

from chtn_plugin.text import BagOfWords, Tokenizer

TEXTS = ['the cat, the hat', 'a cat', 'the dog']


def fitted(texts=TEXTS, **options):
    bag = BagOfWords(**options)
    bag.fit(texts)
    return bag


@pytest.mark.parametrize('text, tokens', [
    ('A cat, two-faced!', ['a', 'cat', 'two', 'faced']),
    ('Straße café 3.5', ['straße', 'café', '3', '5']),
    ('我爱 cats', ['我', '爱', 'cats']),
    ('ネコ', ['ネ', 'コ']),
    ('кошка и пёс', ['кошка', 'и', 'пёс']),
    ('!?', []),
    ('', []),
])
def test_words(text, tokens):
    assert Tokenizer()(text) == tokens


def test_characters():
    assert Tokenizer('character')('a b,') == ['a', 'b', ',']


def test_case_may_count():
    assert Tokenizer(lowercase=False)('The the') == ['The', 'the']


def test_ngrams_come_after_the_shorter_ones():
    assert Tokenizer(ngrams=(1, 2))('a b c') == ['a', 'b', 'c', 'a b', 'b c']


def test_stop_words_are_left_out_before_ngrams_are_joined():
    tokens = Tokenizer(ngrams=(2, 2), stop_words=['of'])('king of spain')
    assert tokens == ['king spain']


@pytest.mark.parametrize('options, reason', [
    (dict(unit='syllable'), "got 'syllable'"),
    (dict(ngrams=(0, 1)), r'got \(0, 1\)'),
    (dict(ngrams=(2, 1)), r'got \(2, 1\)'),
])
def test_tokenizer_refuses_options_out_of_range(options, reason):
    with pytest.raises(ValueError, match=reason):
        Tokenizer(**options)


def test_terms_are_those_of_most_texts_then_alphabetical():
    # In two texts each: cat, the ("the" twice in one text counts once).
    assert fitted().terms == ['cat', 'the', 'a', 'dog', 'hat']


def test_only_so_many_terms():
    assert fitted(num_terms=3).terms == ['cat', 'the', 'a']


def test_width_never_depends_on_the_data():
    assert fitted(num_terms=7)(['cat']).tolist() == [[1, 0, 0, 0, 0, 0, 0]]


@pytest.mark.parametrize('weighting, expected', [
    ('count', [1, 2, 0, 0, 1]), ('binary', [1, 1, 0, 0, 1])])
def test_weighting(weighting, expected):
    vector = fitted(num_terms=5, weighting=weighting)(TEXTS[:1])
    assert vector.tolist() == [expected] and vector.dtype == torch.float32


def test_tfidf():
    # ln((1 + 3 texts) / (1 + texts with the term)) + 1
    often, once = math.log(4 / 3) + 1, math.log(4 / 2) + 1
    vector = fitted(num_terms=5, weighting='tfidf')(TEXTS[:1])[0]
    assert vector.tolist() == pytest.approx([often, 2 * often, 0, 0, once])


def test_l2_gives_length_one():
    vectors = fitted(num_terms=5, norm='l2')(['cat the', 'nothing known'])
    assert vectors[0].tolist() == pytest.approx([.5**.5, .5**.5, 0, 0, 0])
    assert not vectors[1].any()


def test_unknown_words_are_left_out():
    assert fitted(num_terms=5)(['cat zebra']).tolist() == [[1, 0, 0, 0, 0]]


def test_state_alone_encodes_alike():
    first = fitted(num_terms=5, weighting='tfidf')
    second = BagOfWords(num_terms=5, weighting='tfidf')
    second.load_state(first.state())
    assert torch.equal(first(TEXTS), second(TEXTS))


def test_batches_are_rows_of_the_whole():
    bag = fitted(num_terms=5)
    encoded = bag.encode(TEXTS)
    assert len(encoded) == 3
    assert torch.equal(encoded.take([2, 0]), bag(TEXTS)[[2, 0]])


def test_state_of_more_terms_is_refused():
    with pytest.raises(ValueError, match='num_terms is 3, but the state '
                       'holds 5'):
        BagOfWords(num_terms=3).load_state(fitted().state())


def test_training_texts_without_a_token_are_refused():
    with pytest.raises(ValueError, match='no token found in 2 training'):
        fitted(['', '!'])


def test_encoding_before_fitting_is_refused():
    with pytest.raises(RuntimeError, match='must be fitted'):
        BagOfWords()(['a'])


@pytest.mark.parametrize('options, reason', [
    (dict(num_terms=0), 'num_terms must be positive, got 0'),
    (dict(weighting='bm25'), "got 'bm25'"),
    (dict(norm='l1'), "got 'l1'"),
])
def test_options_out_of_range_are_refused(options, reason):
    with pytest.raises(ValueError, match=reason):
        BagOfWords(**options)


def test_misspelt_option_is_refused():
    with pytest.raises(TypeError, match="'num_term'"):
        TRANSFORMS.build(dict(type='BagOfWords', num_term=3))
    with pytest.raises(TypeError, match="'units'"):
        BagOfWords(tokenizer=dict(units='word'))
