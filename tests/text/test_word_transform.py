"""What all transforms with a vocabulary do with it."""
from __future__ import annotations

import pytest

from chtn_plugin.text import BagOfWords, WordIndices, WordTransform

KINDS = [BagOfWords, WordIndices]


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def transform(request):
    made = request.param()
    made.fit(['a cat', 'हिन्दी cat'])
    return made


def test_unknown_words_are_each_named_once(transform):
    assert transform.unknown_words('Bird cat bird हिन्दी dog') == (
        ['bird', 'dog'], 4)


def test_a_text_without_a_word_has_none_unknown(transform):
    assert transform.unknown_words('!?') == ([], 0)


def test_its_state_is_a_tokenizer_file(transform):
    assert isinstance(transform.state()['tokenizer'], str)


def test_a_state_without_words_is_refused(transform):
    with pytest.raises(ValueError, match=r"must hold its words, got "
                       r"\['files'\]"):
        transform.load_state(dict(files={}))


def test_a_refused_state_changes_nothing(transform):
    words = transform.words
    with pytest.raises(ValueError, match='holds 40000'):
        transform.load_state(dict(
            words=[f'w{k}' for k in range(40_000)], idf=[]))
    assert transform.words == words and transform.tokenizer.marks


def test_the_base_encodes_nothing():
    with pytest.raises(NotImplementedError):
        WordTransform().encode(['a'])
