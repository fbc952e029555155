"""Store a vocabulary and its splitting rule as a ``tokenizer.json``.

Checkpoint, decoding, the check of a checkpoint against its data and the ONNX
export share it. It holds the rule by which texts are split (see
:class:`Tokenizer`) and the words by number, so that the ``tokenizers`` library
alone encodes with it. States of earlier versions, a list of ``terms`` or of
``words``, are read too; their texts were split without regard to marks, and go
on being split so, because that is what their models were trained with.
"""
from __future__ import annotations

import json
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Optional

from .tokenizer import Tokenizer

# Under which earlier versions stored their words.
_LISTS = ('terms', 'words')


def pack_words(tokenizer: Tokenizer, words: Sequence[str],
               max_length: Optional[int] = None) -> str:
    """Write a rule and its words as a ``tokenizer.json``.

    N-grams stand among the words, joined by spaces; the file knows no other
    way to hold them, so whoever reads it joins them again.

    Args:
        tokenizer: Splits the texts.
        words: The words by number.
        max_length: None: words are numbered from 0, and the number behind
            the last is any unknown word. Otherwise 0 pads every text to this
            length, 1 is any unknown word, and words are numbered from 2.

    Returns:
        The content of the file.
    """
    from tokenizers import Tokenizer as Rule
    from tokenizers import models
    unknown = _free('[UNK]', words)
    rule = Rule.from_str(tokenizer.rule.to_str())
    if max_length is None:
        numbered = [*words, unknown]
    else:
        padding = _free('[PAD]', words)
        numbered = [padding, unknown, *words]
        rule.enable_truncation(max_length)
        rule.enable_padding(pad_id=0, pad_token=padding, length=max_length)
    rule.model = models.WordLevel(
        {word: number for number, word in enumerate(numbered)},
        unk_token=unknown)
    return rule.to_str()


def words_of(state: Mapping[str, Any]) -> Optional[list[str]]:
    """Read the words of a text transform's state, by number.

    Args:
        state: What a checkpoint holds of a text transform, of this or an
            earlier version.

    Returns:
        The words; None where the state holds none of its own.
    """
    if 'tokenizer' in state:
        stored = json.loads(state['tokenizer'])
        special = {stored['model']['unk_token'],
                   (stored['padding'] or {}).get('pad_token')}
        numbers = stored['model']['vocab']
        return [word for word in sorted(numbers, key=numbers.__getitem__)
                if word not in special]
    for name in _LISTS:
        if name in state:
            return list(state[name])
    return None


def tokenizer_of(state: Mapping[str, Any], tokenizer: Tokenizer) -> Tokenizer:
    """Return the tokenizer that a state was made with.

    Args:
        state: As for :func:`words_of`.
        tokenizer: One of the same options.
    """
    if 'tokenizer' not in state:
        return tokenizer.without_marks()
    from tokenizers import Tokenizer as Rule
    return tokenizer.with_rule(Rule.from_str(state['tokenizer']))


def is_list(state: Mapping[str, Any]) -> bool:
    """Whether a state is of an earlier version, a list of words."""
    return any(name in state for name in _LISTS)


def stored_keys(state: Mapping[str, Any]) -> set[str]:
    """Rename the keys of a state as this version names them."""
    return {'tokenizer' if key in _LISTS else key for key in state}


def composed(words: Sequence[str]) -> list[str]:
    """Bring words to Unicode normal form C, of which no two are alike.

    A word whose composed form is another word of the list stays as it is.
    """
    taken = set(words)
    result = []
    for word in words:
        form = unicodedata.normalize('NFC', word)
        if form != word and form not in taken:
            taken.add(form)
            word = form
        result.append(word)
    return result


def _free(name: str, words: Collection[str]) -> str:
    """A name that no word has; files of word vectors may hold any."""
    taken = set(words)
    while name in taken:
        name = f'[{name}]'
    return name
