"""Texts to tokens: every script, and the library beside Python's own re."""
from __future__ import annotations

import json
import pickle
import random
import sys
import unicodedata

import pytest

from chtn_plugin.text import Tokenizer
from chtn_plugin.text.tokenizer import by_library


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


@pytest.mark.parametrize('text, tokens', [
    ('हिन्दी भाषा', ['हिन्दी', 'भाषा']),
    ('தமிழ் மொழி', ['தமிழ்', 'மொழி']),
    ('مُحَمَّد', ['مُحَمَّد']),
    ('שָׁלוֹם', [unicodedata.normalize('NFC', 'שָׁלוֹם')]),
    ('cafe\u0301', ['caf\u00e9']),
    ('x\u0301yz', ['x\u0301yz']),  # there is no letter of this form
    ('\u1112\u1161\u11ab', ['\ud55c']),  # Korean in parts
], ids=['Hindi', 'Tamil', 'Arabic', 'Hebrew', 'Latin', 'no letter', 'Korean'])
def test_words_with_combining_marks_stay_whole(text, tokens):
    assert Tokenizer()(text) == tokens


def test_a_joiner_beside_a_mark_is_part_of_the_word():
    assert Tokenizer()('ශ්\u200dරී ලංකා') == ['ශ්\u200dරී', 'ලංකා']


def test_a_joiner_between_letters_parts_words():
    assert Tokenizer()('می\u200cخواهم') == ['می', 'خواهم']


@pytest.mark.parametrize('text', ['1\ufe0f\u20e3', '1\u20e3', '\u0301 1'])
def test_marks_of_symbols_are_no_part_of_a_word(text):
    assert Tokenizer()(text) == ['1']


def test_thai_marks_are_tokens_as_other_thai_characters():
    assert Tokenizer()('กิน') == ['ก', 'ิ', 'น']


def test_both_spellings_of_a_text_give_the_same_tokens():
    text = 'élan Việt Ångström が 한국어 İ हिंदी'
    for unit in ('word', 'character'):
        assert len({tuple(Tokenizer(unit)(unicodedata.normalize(form, text)))
                    for form in ('NFC', 'NFD')}) == 1


def test_a_stop_word_may_be_spelt_either_way():
    assert Tokenizer(stop_words=['e\u0301t\u00e9'])('\u00e9te\u0301 a') == [
        'a']


def test_earlier_splitting_parts_words_at_marks():
    assert Tokenizer(marks=False)('हिन्दी cafe\u0301') == [
        'ह', 'न', 'द', 'cafe']


def test_half_a_surrogate_pair_is_no_word():
    assert Tokenizer()('a\ud800b') == ['a', 'b']


def _random_texts():
    draw = random.Random(0)
    every = [chr(code) for code in range(sys.maxunicode + 1)
             if not 0xd800 <= code < 0xe000]
    pools = [every, [c for c in every if unicodedata.category(c)[0] == 'M'],
             [c for c in every if c.isalnum()],
             list('abthe ΑΣσé-_\'\u200c\u200d\u20e3\ufe0f猫กั')]
    return [''.join(draw.choice(draw.choice(pools)) for _ in range(30))
            for _ in range(2000)]


@pytest.mark.parametrize('options', [
    dict(), dict(lowercase=False), dict(unit='character'),
    dict(stop_words=['a', 'é', 'the'])])
def test_the_library_splits_random_texts_alike(options):
    tokenizer = Tokenizer(**options)
    for text in _random_texts():
        assert tokenizer(text) == by_library(tokenizer.rule, text)


@pytest.mark.parametrize('options', [
    dict(), dict(unit='character'), dict(marks=False)])
def test_the_library_splits_every_character_alike(options):
    tokenizer = Tokenizer(**options)
    texts = [f'a{chr(code)}b {chr(code)}' for code in range(0x20000)
             if unicodedata.category(chr(code)) not in ('Cn', 'Cs')]
    assert [text for text in texts
            if tokenizer(text) != by_library(tokenizer.rule, text)] == []


@pytest.mark.parametrize('text', [
    'ΟΔΟΣ', 'Σ', 'ΟΔΟΣ.Α', 'ΟΔΟΣ. Α', "Α'Σ", 'ΣΑ1Σ', 'ΑΣ\u0301 ΑΣ\u0301Β'])
def test_the_library_lowers_a_final_sigma_as_python_does(text):
    assert by_library(Tokenizer().rule, text) == Tokenizer()(text)


def test_a_rule_of_another_making_is_followed():
    stored = json.loads(Tokenizer().rule.to_str())
    stored['pre_tokenizer']['pattern'] = {'Regex': '[a-c]+'}
    from tokenizers import Tokenizer as Rule
    made = Tokenizer(ngrams=(1, 2)).with_rule(
        Rule.from_str(json.dumps(stored)))
    assert made('ABxcD') == ['ab', 'c', 'ab c']


def test_the_own_rule_is_followed_fast():
    tokenizer = Tokenizer(stop_words=['b', 'a'])
    assert tokenizer.with_rule(tokenizer.rule)._stored is None


def test_it_travels_to_other_processes():
    tokenizer = Tokenizer()
    tokenizer.rule  # noqa: B018  (built on first use)
    assert pickle.loads(pickle.dumps(tokenizer))('हिन्दी') == ['हिन्दी']


@pytest.mark.parametrize('unit', ['word', 'character'])
@pytest.mark.parametrize('text', [
    'Two planes taxi past each other, on a grey (wet) run-way_2 at 3.5 km!',
    '彩色包衣的蔬菜种子。展台上花花绿绿的蔬菜种子，2019年“规模化”农业A5',
    'これは猫です。ネコ・ガ 1つ', 'นี่คือแมวสองตัว ๒', '이것은 고양이',
    'Straße, où l’été français naïf; ¿señor? 5½ m²', 'Два пёсика — в ёлке №7',
    'Ο ΣΚΥΛΟΣ του Οδυσσέα', 'قطة في البيت', 'חתול בבית', '❤️👩‍🔬 cat 😀'])
def test_texts_without_marks_in_words_are_split_as_in_earlier_versions(
        text, unit):
    new, old = Tokenizer(unit), Tokenizer(unit, marks=False)
    assert new(text) == old(text) != []
