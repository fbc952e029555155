"""Texts to vectors of term weights: which terms, weighted how."""
from __future__ import annotations

import math

import pytest
import torch
from mmengine.registry import TRANSFORMS

from chtn_plugin.text import BagOfWords

TEXTS = ['the cat, the hat', 'a cat', 'the dog']


def fitted(texts=TEXTS, **options):
    bag = BagOfWords(**options)
    bag.fit(texts)
    return bag


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


def test_a_sublinear_count_grows_with_the_logarithm():
    vector = fitted(num_terms=5, sublinear_tf=True)(['the the the cat'])
    assert vector[0].tolist() == pytest.approx([1, 1 + math.log(3), 0, 0, 0])


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


def test_what_is_not_known_is_counted():
    bag = fitted(num_terms=5)
    bag.encode(['the cat sat', 'zebra', '', 'a dog'])
    # of six words sat and zebra are unknown; two texts hold no known word
    assert bag.counts == dict(texts=4, empty=2, words=6, unknown=2)


def test_the_share_not_known_is_logged_in_one_line(logged):
    fitted(num_terms=5).encode(['the cat sat on', 'zebra'])
    assert [(record.levelname, record.message) for record in
            logged.records] == [(
                'INFO', 'BagOfWords: 60.0% of 5 words are unknown to the '
                'vocabulary of 5; of 1 of 2 texts no word is known')]


def test_texts_of_which_nothing_is_known_are_warned_of(logged):
    fitted().encode(['zebra', 'yak', 'the cat'])
    assert [record.levelname for record in logged.records] == ['WARNING']


def test_a_query_logs_nothing(logged):
    fitted()(['zebra'])
    assert not logged.records


def test_no_texts_are_no_rows():
    assert fitted(num_terms=5, norm='l2')([]).shape == (0, 5)


def test_a_list_of_terms_of_earlier_versions_encodes_as_it_did():
    # They split "हिन्दी" into ह and न and द.
    bag = BagOfWords(num_terms=4)
    bag.load_state(dict(terms=['ह', 'द', 'cat'], idf=[1., 1., 1.]))
    assert bag(['हिन्दी Cat cat']).tolist() == [[1, 1, 2, 0]]


def test_what_was_a_list_of_terms_is_stored_anew_and_encodes_alike():
    old, new = BagOfWords(num_terms=4), BagOfWords(num_terms=4)
    old.load_state(dict(terms=['ह', 'द', 'cat'], idf=[1., 1., 1.]))
    new.load_state(old.state())
    assert 'terms' not in old.state()
    assert torch.equal(new(['हिन्दी cat']), old(['हिन्दी cat']))


def test_both_spellings_of_a_letter_are_one_term():
    bag = fitted(['caf\u00e9'], num_terms=1)
    assert bag(['cafe\u0301 caf\u00e9']).tolist() == [[2]]


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
