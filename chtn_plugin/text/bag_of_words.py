"""Turn texts into vectors of term weights, as the CHTN release does."""
from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Optional

import numpy as np
import scipy.sparse
from mmengine.registry import TRANSFORMS

from .encoded_texts import EncodedTexts
from .text_transform import TextTransform
from .tokenizer import Tokenizer
from .word_transform import WordTransform

# Texts that are encoded together.
_TOGETHER = 16384
# All that other modules and users have imported from here.
__all__ = ['BagOfWords', 'EncodedTexts', 'TextTransform', 'Tokenizer']


@TRANSFORMS.register_module()
class BagOfWords(WordTransform):
    """Text to a vector of term weights; the released CHTN's text input.

    Its terms are those of the training texts that stand in most of them,
    ties in alphabetical order. Where there are fewer than ``num_terms``, the
    last columns stay zero, so the width never depends on the data.

    How many tokens are no terms, and of how many texts no token is one, is
    logged for each data set, and stands in ``counts`` after each call.

    Args:
        num_terms: Width D of the vector; the release has 3000.
        tokenizer: Arguments of :class:`Tokenizer`; None: its defaults.
        weighting: ``'count'`` (as released), ``'binary'`` or ``'tfidf'``:
            count times ln((1 + N) / (1 + N_term)) + 1 over the N training
            texts.
        norm: ``'l2'`` scales each vector to length 1; None does not.
        sublinear_tf: Whether a term that comes n times counts 1 + ln n. Has no
            effect on ``'binary'``.

    Attributes:
        counts: Of the latest call: ``texts``, ``empty`` (texts of which
            nothing is known), ``words`` (tokens), ``unknown`` among these.

    Raises:
        ValueError: An option is not one of those above.
    """

    def __init__(self,
                 num_terms: int = 3000,
                 tokenizer: Optional[dict] = None,
                 weighting: str = 'count',
                 norm: Optional[str] = None,
                 sublinear_tf: bool = False) -> None:
        if num_terms < 1:
            raise ValueError(f'num_terms must be positive, got {num_terms}')
        if weighting not in ('count', 'binary', 'tfidf'):
            raise ValueError("weighting must be 'count', 'binary' or 'tfidf',"
                             f' got {weighting!r}')
        if norm not in (None, 'l2'):
            raise ValueError(f"norm must be 'l2' or None, got {norm!r}")
        super().__init__(tokenizer)
        self.num_terms = num_terms
        self.weighting = weighting
        self.norm = norm
        self.sublinear_tf = sublinear_tf
        self._idf = np.zeros(0)

    @property
    def out_features(self) -> int:
        """Width D of a vector."""
        return self.num_terms

    @property
    def terms(self) -> list[str]:
        """The terms in column order."""
        return self.words

    def fit(self, texts: Sequence[str]) -> None:
        """Choose the terms, and their weights, from training texts."""
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(set(self.tokenizer(text)))
        if not counts:
            raise ValueError(f'no token found in {len(texts)} training texts:'
                             ' does the tokenizer fit their script?')
        chosen = sorted(counts, key=lambda term: (-counts[term], term))
        chosen = chosen[:self.num_terms]
        self._idf = np.array([
            float(np.log((1 + len(texts)) / (1 + counts[term])) + 1)
            for term in chosen])
        self._set_words(chosen)

    def _encoded(self, texts: Sequence[str]) -> EncodedTexts:
        """Encode N texts as a sparse (N, D) float32 matrix."""
        self._check_fitted()
        self.counts = dict(texts=len(texts), empty=0, words=0, unknown=0)
        # Some thousand at a time: the words of a million texts as Python
        # numbers would take a gigabyte.
        blocks = [self._block(part) for part in _parts(texts)]
        return EncodedTexts(
            blocks[0] if len(blocks) == 1 else
            scipy.sparse.vstack(blocks, 'csr', np.float32) if blocks else
            scipy.sparse.csr_matrix((0, self.num_terms), dtype=np.float32))

    def _block(self, texts: Sequence[str]) -> scipy.sparse.csr_matrix:
        numbers: list[int] = []
        known: list[int] = []
        words = 0
        for text in texts:
            tokens = self.tokenizer(text)
            found = [self._number[token] for token in tokens
                     if token in self._number]
            words += len(tokens)
            known.append(len(found))
            numbers += found
        for name, number in (('empty', known.count(0)), ('words', words),
                             ('unknown', words - len(numbers))):
            self.counts[name] += number
        # One sort finds every text's terms, in order, and their counts.
        rows = np.repeat(np.arange(len(known), dtype=np.int64), known)
        places, counts = np.unique(
            rows * self.num_terms + np.array(numbers, np.int64),
            return_counts=True)
        rows, columns = np.divmod(places, self.num_terms)
        ends = np.searchsorted(rows, np.arange(len(known) + 1))
        return scipy.sparse.csr_matrix(
            (self._weights(columns, counts, ends).astype(np.float32),
             columns.astype(np.int32), ends),
            shape=(len(known), self.num_terms))

    def _weights(self, columns: np.ndarray, counts: np.ndarray,
                 ends: np.ndarray) -> np.ndarray:
        weights = counts.astype(float)
        if self.sublinear_tf:
            weights = 1 + np.log(weights)
        if self.weighting == 'binary':
            weights[:] = 1
        elif self.weighting == 'tfidf':
            weights *= self._idf[columns]
        if self.norm == 'l2':
            for first, last in zip(ends[:-1], ends[1:], strict=True):
                if last > first:
                    row = weights[first:last]
                    row /= np.sqrt(row @ row)
        return weights

    def _lost(self) -> tuple[str, bool]:
        c = self.counts
        return (f'{c["unknown"] / max(c["words"], 1):.1%} of {c["words"]} '
                f'words are unknown to the vocabulary of {len(self.words)}; '
                f'of {c["empty"]} of {c["texts"]} texts no word is known',
                2 * c['empty'] > c['texts'])

    def state(self) -> dict[str, Any]:
        """Return the terms in column order, and inverse frequencies."""
        return dict(super().state(), idf=self._idf.tolist())

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take over the terms of a fitted one, and how it splits texts.

        Raises:
            ValueError: It has more terms than ``num_terms``, or none.
        """
        super().load_state(state)
        self._idf = np.asarray(state['idf'], float)

    def _check_room(self, words: Sequence[str]) -> None:
        if len(words) > self.num_terms:
            raise ValueError(f'num_terms is {self.num_terms}, but the state '
                             f'holds {len(words)} terms')


def _parts(texts: Sequence[str]) -> Iterator[list[str]]:
    left = iter(texts)
    while part := list(islice(left, _TOGETHER)):
        yield part
