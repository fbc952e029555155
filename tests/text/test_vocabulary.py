"""The stored form of a vocabulary, now and in earlier versions."""
from __future__ import annotations

import json

import pytest
import tokenizers

from chtn_plugin.text import Tokenizer
from chtn_plugin.text.vocabulary import (
    composed,
    is_list,
    pack_words,
    stored_keys,
    tokenizer_of,
    words_of,
)

WORDS = ['cat', 'हिन्दी', 'a']


def test_the_library_alone_encodes_with_it():
    stored = tokenizers.Tokenizer.from_str(pack_words(Tokenizer(), WORDS))
    # 3, behind the last word, is any unknown one
    assert stored.encode('A Cat, हिन्दी bird').ids == [2, 0, 1, 3]


def test_padding_and_unknown_come_first_where_texts_are_rows_of_numbers():
    stored = tokenizers.Tokenizer.from_str(
        pack_words(Tokenizer(), WORDS, max_length=3))
    assert [stored.encode(text).ids for text in (
        'bird a', 'a a a cat', '')] == [[1, 4, 0], [4, 4, 4], [0, 0, 0]]


def test_stop_words_are_left_out_by_the_library_too():
    stored = tokenizers.Tokenizer.from_str(pack_words(
        Tokenizer(stop_words=['a', 'c.t']), WORDS))
    assert stored.encode('a cat').ids == [0]


@pytest.mark.parametrize('max_length', [None, 5])
def test_words_come_back_in_order(max_length):
    words = [*WORDS, 'two words', '[PAD]', '[UNK]', '[[UNK]]']
    packed = pack_words(Tokenizer(), words, max_length)
    assert words_of(dict(tokenizer=packed)) == words


@pytest.mark.parametrize('state', [dict(terms=WORDS, idf=[1, 1, 1]),
                                   dict(words=WORDS)])
def test_lists_of_earlier_versions_are_read(state):
    assert words_of(state) == WORDS and is_list(state)


def test_other_states_hold_no_words():
    assert words_of(dict(files={})) is None and not is_list(dict(files={}))


def test_a_list_keeps_the_splitting_that_its_words_were_found_with():
    old = tokenizer_of(dict(words=WORDS), Tokenizer(ngrams=(1, 2)))
    assert old('हिन् a') == ['ह', 'न', 'a', 'ह न', 'न a']


def test_a_stored_rule_comes_before_the_options():
    packed = pack_words(Tokenizer(lowercase=False), WORDS)
    assert tokenizer_of(dict(tokenizer=packed), Tokenizer())('A') == ['A']


def test_keys_of_earlier_versions_have_names_of_this_one():
    assert stored_keys(dict(terms=[], idf=[])) == {'tokenizer', 'idf'}
    assert stored_keys(dict(words=[])) == stored_keys(dict(tokenizer=''))


def test_words_are_composed_and_stay_apart():
    assert composed(['e\u0301', 'a']) == ['\u00e9', 'a']
    # its composed form is a word already
    assert composed(['e\u0301', '\u00e9']) == ['e\u0301', '\u00e9']


def test_the_file_is_plain_json():
    stored = json.loads(pack_words(Tokenizer(), WORDS))
    assert stored['model']['vocab'] == {
        'cat': 0, 'हिन्दी': 1, 'a': 2, '[UNK]': 3}
