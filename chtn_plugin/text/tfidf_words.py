"""Turn texts into TF-IDF vectors, of words or of characters."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.registry import TRANSFORMS

from ..checks import check_choice
from .bag_of_words import BagOfWords
from .tokenizer import Tokenizer, is_unspaced

#: N-grams of each unit: single words, or characters and their pairs.
NGRAMS = {'word': (1, 1), 'character': (1, 2)}


@TRANSFORMS.register_module()
class TfidfWords(BagOfWords):
    """Text to a TF-IDF vector of length 1: words, or characters and pairs.

    A term that comes n times weighs (1 + ln n) times its inverse document
    frequency, ln((1 + N) / (1 + N_term)) + 1. With the same terms these are
    the numbers of scikit-learn's ``TfidfVectorizer(sublinear_tf=True)``. Terms
    are chosen as by :class:`BagOfWords`: those that stand in most texts.

    Args:
        num_terms: Width D of the vector.
        unit: ``'word'``; ``'character'``: characters that are not white space,
            and pairs of neighbours; ``'auto'``: characters where most words
            of the training texts are of a script written without spaces
            (Chinese, Japanese, Thai, …), words otherwise.

    Raises:
        ValueError: An option is not one of those above.
    """

    def __init__(self, num_terms: int = 3000, unit: str = 'auto') -> None:
        check_choice('unit', unit, ('auto', *NGRAMS))
        super().__init__(num_terms, _tokenizer(unit), 'tfidf', 'l2',
                         sublinear_tf=True)
        self.unit = unit

    def fit(self, texts: Sequence[str]) -> None:
        """Choose the unit, the terms and their weights."""
        unit = self.unit
        if unit == 'auto':
            unit = 'character' if is_unspaced(texts) else 'word'
        self.tokenizer = Tokenizer(**_tokenizer(unit))
        super().fit(texts)

    def state(self) -> dict[str, Any]:
        """Return terms, inverse frequencies, and the unit of the texts."""
        return dict(super().state(), unit=self.tokenizer.unit)

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take over terms and unit of a fitted one.

        Raises:
            ValueError: It has more terms than ``num_terms``, or is of another
                transform.
        """
        unit = state.get('unit')
        if unit not in NGRAMS:
            raise ValueError('the state of TfidfWords must hold its unit, '
                             f'one of {list(NGRAMS)}, got {unit!r}')
        kept = self.tokenizer
        self.tokenizer = Tokenizer(**_tokenizer(unit))
        try:
            super().load_state(state)
        except ValueError:
            self.tokenizer = kept
            raise


def _tokenizer(unit: str) -> dict[str, Any]:
    unit = 'word' if unit == 'auto' else unit
    return dict(unit=unit, ngrams=NGRAMS[unit])
