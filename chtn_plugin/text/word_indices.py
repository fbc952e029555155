"""Turn texts into sequences of word numbers, for word vectors."""
from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Optional

import numpy as np
import torch
from mmengine.registry import TRANSFORMS

from .encoded_texts import EncodedTexts
from .vocabulary import composed, pack_words
from .word_transform import WordTransform
from .word_vectors import read_word_vectors

PADDING, UNKNOWN = 0, 1
NUM_SPECIAL = 2


@TRANSFORMS.register_module()
class WordIndices(WordTransform):
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
    first_number = NUM_SPECIAL

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
        super().__init__(tokenizer)
        self.vectors = vectors
        self.num_words = num_words
        self.max_length = max_length
        self.min_count = min_count

    def fit(self, texts: Sequence[str]) -> None:
        """Choose the words: the file's, or those of the training texts."""
        room = self.num_words - NUM_SPECIAL
        if self.vectors is not None:
            words = read_word_vectors(self.vectors, room)[0]
            self._set_words(composed(words) if self.tokenizer.marks
                            else words)
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

    def _encoded(self, texts: Sequence[str]) -> EncodedTexts:
        """Encode N texts as (N, L) int64."""
        self._check_fitted()
        rows = np.full((len(texts), self.max_length), PADDING, np.int64)
        counts = dict.fromkeys(('cut', 'words', 'unknown'), 0)
        for row, text in zip(rows, texts, strict=True):
            words = self.tokenizer(text)
            counts['cut'] += len(words) > self.max_length
            numbers = [self._number.get(word, UNKNOWN)
                       for word in words[:self.max_length]]
            counts['words'] += len(numbers)
            counts['unknown'] += numbers.count(UNKNOWN)
            row[:len(numbers)] = numbers
        self.counts = dict(counts, texts=len(texts))
        return EncodedTexts(torch.from_numpy(rows))

    def _lost(self) -> tuple[str, bool]:
        c = self.counts
        share = c['unknown'] / max(c['words'], 1)
        return (f'{share:.1%} of {c["words"]} words are unknown to the '
                f'vocabulary of {len(self.words)}; {c["cut"]} of '
                f'{c["texts"]} texts are cut to {self.max_length} words',
                share > 0.5)

    def state(self) -> dict[str, Any]:
        """Return the words by number and the rule that splits texts."""
        return dict(tokenizer=pack_words(self.tokenizer, self.words,
                                         self.max_length))

    def _check_room(self, words: Sequence[str]) -> None:
        if len(words) > self.num_words - NUM_SPECIAL:
            raise ValueError(f'num_words is {self.num_words}, but the state '
                             f'holds {len(words)} words and needs '
                             f'{NUM_SPECIAL} more')
