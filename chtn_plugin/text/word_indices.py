"""Texts to sequences of word numbers, for a network over word vectors."""
from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Optional

import torch
from mmengine.logging import print_log
from mmengine.registry import TRANSFORMS

from .bag_of_words import EncodedTexts, TextTransform, Tokenizer
from .word_vectors import read_word_vectors

PADDING, UNKNOWN = 0, 1
NUM_SPECIAL = 2


@TRANSFORMS.register_module()
class WordIndices(TextTransform):
    """Text to the numbers of its first words; 0 pads, 1 is any unknown word.

    The vocabulary is that of a file of word vectors, whose order it keeps,
    or the training texts' own, the most frequent words first and ties in
    alphabetical order. Whatever the data, numbers stay below ``num_words``,
    so the network's size never depends on them.

    How many words are unknown and how many texts are cut is logged for each
    data set, and stands in ``counts`` after each call.

    Args:
        vectors: File of word vectors (see :func:`read_word_vectors`), the
            same as the network's. None: the words of the training texts.
        num_words: Numbers W there are, the two special ones included.
        max_length: Words L of a text that are kept.
        min_count: Words of the training texts that come less often are
            unknown. Has no effect with ``vectors``.
        tokenizer: Arguments of :class:`Tokenizer`; None: its defaults.

    Attributes:
        words: The vocabulary; word i has the number i + 2.
        counts: Of the latest call: ``texts``, ``cut`` (longer than L),
            ``words`` (kept), ``unknown`` among these.

    Raises:
        ValueError: An option is out of range.
    """

    def __init__(self,
                 vectors: Optional[str] = None,
                 num_words: int = 30_000,
                 max_length: int = 64,
                 min_count: int = 1,
                 tokenizer: Optional[dict] = None) -> None:
        for name, value, least in (
                ('num_words', num_words, NUM_SPECIAL + 1),
                ('max_length', max_length, 1), ('min_count', min_count, 1)):
            if value < least:
                raise ValueError(f'{name} must be at least {least}, '
                                 f'got {value}')
        self.vectors = vectors
        self.num_words = num_words
        self.max_length = max_length
        self.min_count = min_count
        self.tokenizer = Tokenizer(**(tokenizer or {}))
        self.counts: dict[str, int] = {}
        self._set_words([])

    def fit(self, texts: Sequence[str]) -> None:
        """Choose the words: the file's, or those of the training texts."""
        room = self.num_words - NUM_SPECIAL
        if self.vectors is not None:
            self._set_words(read_word_vectors(self.vectors, room)[0])
            return
        counts = Counter(word for text in texts
                         for word in self.tokenizer(text))
        chosen = sorted((word for word in counts
                         if counts[word] >= self.min_count),
                        key=lambda word: (-counts[word], word))
        if not chosen:
            raise ValueError(f'no word comes {self.min_count} times in '
                             f'{len(texts)} training texts: does the '
                             'tokenizer fit their script?')
        self._set_words(chosen[:room])

    def encode(self, texts: Sequence[str]) -> EncodedTexts:
        """Encode N texts as (N, L) int64, and log what was lost."""
        encoded = self._encoded(texts)
        c = self.counts
        share = c['unknown'] / max(c['words'], 1)
        print_log(
            f'WordIndices: {share:.1%} of {c["words"]} words are unknown to '
            f'the vocabulary of {len(self.words)}; {c["cut"]} of '
            f'{c["texts"]} texts are cut to {self.max_length} words',
            logger='current',
            level=logging.WARNING if share > 0.5 else logging.INFO)
        return encoded

    def __call__(self, texts: Sequence[str]) -> torch.Tensor:
        """Encode N texts as one batch, (N, L) int64; logs nothing."""
        return self._encoded(texts).rows

    def _encoded(self, texts: Sequence[str]) -> EncodedTexts:
        if not self.words:
            raise RuntimeError('WordIndices must be fitted (or load a state) '
                               'before it encodes')
        rows = torch.full((len(texts), self.max_length), PADDING)
        counts = dict.fromkeys(('cut', 'words', 'unknown'), 0)
        for row, text in zip(rows, texts, strict=True):
            words = self.tokenizer(text)
            counts['cut'] += len(words) > self.max_length
            numbers = [self._number.get(word, UNKNOWN)
                       for word in words[:self.max_length]]
            counts['words'] += len(numbers)
            counts['unknown'] += numbers.count(UNKNOWN)
            row[:len(numbers)] = torch.tensor(numbers, dtype=torch.int64)
        self.counts = dict(counts, texts=len(texts))
        return EncodedTexts(rows)

    def state(self) -> dict[str, Any]:
        """The words in the order of their numbers."""
        return dict(words=list(self.words))

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take over the words of a fitted one.

        Raises:
            ValueError: It has more words than ``num_words`` leaves room for.
        """
        if len(state['words']) > self.num_words - NUM_SPECIAL:
            raise ValueError(f'num_words is {self.num_words}, but the state '
                             f'holds {len(state["words"])} words and needs '
                             f'{NUM_SPECIAL} more')
        self._set_words(state['words'])

    def _set_words(self, words: Sequence[str]) -> None:
        self.words = list(words)
        self._number = {word: number for number, word in enumerate(
            self.words, NUM_SPECIAL)}
