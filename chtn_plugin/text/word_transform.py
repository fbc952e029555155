"""Base of the text transforms that look words up in a vocabulary."""
from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Optional

from mmengine.logging import print_log
from torch import Tensor

from .encoded_texts import EncodedTexts
from .text_transform import TextTransform
from .tokenizer import Tokenizer
from .vocabulary import pack_words, tokenizer_of, words_of


class WordTransform(TextTransform):
    """Base of the transforms that look words up in a vocabulary.

    It splits texts, keeps the vocabulary, stores both as a
    ``tokenizer.json`` and says what of a text it does not know. A subclass
    fits the words and makes rows of their numbers.

    Args:
        tokenizer: Arguments of :class:`Tokenizer`; None: its defaults.

    Attributes:
        tokenizer: Splits the texts.
        words: The vocabulary; word i has the number i + ``first_number``.
        counts: What the latest call encoded, and did not know.
    """
    first_number = 0

    def __init__(self, tokenizer: Optional[dict] = None) -> None:
        self.tokenizer = Tokenizer(**(tokenizer or {}))
        self.counts: dict[str, int] = {}
        self._set_words([])

    def encode(self, texts: Sequence[str]) -> EncodedTexts:
        """Encode N texts of a data set, and log what was lost."""
        encoded = self._encoded(texts)
        lost, is_grave = self._lost()
        print_log(f'{type(self).__name__}: {lost}', logger='current',
                  level=logging.WARNING if is_grave else logging.INFO)
        return encoded

    def __call__(self, texts: Sequence[str]) -> Tensor | dict[str, Tensor]:
        """Encode N texts as one batch; logs nothing."""
        return self._encoded(texts).take(list(range(len(texts))))

    def unknown_words(self, text: str) -> tuple[list[str], int]:
        """Find words that are not in the vocabulary, and count all words."""
        words = dict.fromkeys(self.tokenizer(text))
        return [word for word in words if word not in self._number], len(words)

    def state(self) -> dict[str, Any]:
        """Return the words by number and the rule that splits texts."""
        return dict(tokenizer=pack_words(self.tokenizer, self.words))

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take over the words of a fitted one, and how it splits texts.

        Raises:
            ValueError: The state holds no words, or more than there is room
                for.
        """
        words = words_of(state)
        if words is None:
            raise ValueError(f'the state of {type(self).__name__} must hold '
                             f'its words, got {sorted(state)}')
        self._check_room(words)
        self.tokenizer = tokenizer_of(state, self.tokenizer)
        self._set_words(words)

    def _check_room(self, words: Sequence[str]) -> None:
        """Refuse more words than there is room for."""
        raise NotImplementedError

    def _encoded(self, texts: Sequence[str]) -> EncodedTexts:
        raise NotImplementedError

    def _lost(self) -> tuple[str, bool]:
        """The latest call's losses in a sentence, and whether to warn."""
        raise NotImplementedError

    def _check_fitted(self) -> None:
        if not self.words:
            raise RuntimeError(f'{type(self).__name__} must be fitted (or '
                               'load a state) before it encodes')

    def _set_words(self, words: Sequence[str]) -> None:
        self.words = list(words)
        self._number = {word: number for number, word in enumerate(
            self.words, self.first_number)}
