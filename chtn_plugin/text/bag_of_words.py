"""Texts to vectors: tokeniser and bag of words."""
from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Optional

import numpy as np
import scipy.sparse
import torch
from mmengine.registry import TRANSFORMS
from torch import Tensor

# Scripts written without spaces: each character is a token of its own.
_UNSPACED = ('\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff'  # Thai to Khmer
             '\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff'
             '\U00020000-\U0003ffff')
_WORD = re.compile(rf'[{_UNSPACED}]|[^\W{_UNSPACED}]+')
_CHARACTER = re.compile(r'\S')


class Tokenizer:
    """Splits a text into tokens, and joins neighbours into n-grams.

    Args:
        unit: ``'word'``: runs of letters and digits, and each character of
            scripts written without spaces (Chinese, Japanese, Thai, …).
            ``'character'``: each character that is not white space.
        ngrams: Shortest and longest n-gram, in units.
        lowercase: Whether case is ignored.
        stop_words: Words left out (before n-grams are joined).

    Raises:
        ValueError: An option is not one of those above.
    """

    def __init__(self,
                 unit: str = 'word',
                 ngrams: tuple[int, int] = (1, 1),
                 lowercase: bool = True,
                 stop_words: Sequence[str] = ()) -> None:
        patterns = {'word': _WORD, 'character': _CHARACTER}
        if unit not in patterns:
            raise ValueError(f'unit must be one of {list(patterns)}, '
                             f'got {unit!r}')
        first, last = ngrams
        if not 1 <= first <= last:
            raise ValueError('ngrams must be (shortest, longest) with '
                             f'1 <= shortest <= longest, got {ngrams}')
        self.pattern = patterns[unit]
        self.ngrams = (first, last)
        self.lowercase = lowercase
        self.stop_words = frozenset(stop_words)

    def __call__(self, text: str) -> list[str]:
        """Tokens of a text, in order; n-grams after the shorter ones."""
        units = self.pattern.findall(text.lower() if self.lowercase else text)
        if self.stop_words:
            units = [unit for unit in units if unit not in self.stop_words]
        if self.ngrams == (1, 1):
            return units
        return list(self._join(units))

    def _join(self, units: list[str]) -> Iterator[str]:
        for n in range(self.ngrams[0], self.ngrams[1] + 1):
            for start in range(len(units) - n + 1):
                yield ' '.join(units[start:start + n])


class EncodedTexts:
    """Encoded texts of a data set, of which batches are taken.

    Args:
        rows: One row a text: a sparse matrix (N, D), a tensor (N, ...) or a
            mapping of tensors.
    """

    def __init__(self, rows: Any) -> None:
        self.rows = rows

    def __len__(self) -> int:
        if isinstance(self.rows, Mapping):
            return len(next(iter(self.rows.values())))
        return self.rows.shape[0]

    def take(self, indices: Sequence[int]) -> Tensor | dict[str, Tensor]:
        """Rows of a batch, dense: (B, ...) or a dictionary of such."""
        if isinstance(self.rows, Mapping):
            return {name: rows[indices] for name, rows in self.rows.items()}
        rows = self.rows[indices]
        if scipy.sparse.issparse(rows):
            return torch.from_numpy(rows.toarray())
        return rows


class TextTransform:
    """What turns texts into a network's input.

    A data set fits it to the texts of the *training split only*, and puts
    its ``state`` into ``metainfo['text']``, which MMEngine stores in every
    checkpoint: a checkpoint alone can embed new texts.
    """

    def fit(self, texts: Sequence[str]) -> None:
        """Learn whatever is learned from the training texts."""

    def encode(self, texts: Sequence[str]) -> EncodedTexts:
        """Encode N texts."""
        raise NotImplementedError

    def __call__(self, texts: Sequence[str]) -> Tensor | dict[str, Tensor]:
        """Encode N texts as one batch."""
        return self.encode(texts).take(list(range(len(texts))))

    def state(self) -> dict[str, Any]:
        """What was fitted, in plain types."""
        return {}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take over what another one of this kind fitted."""


@TRANSFORMS.register_module()
class BagOfWords(TextTransform):
    """Text to a vector of term weights; the released CHTN's text input.

    Its terms are those of the training texts that stand in most of them,
    ties in alphabetical order. Where there are fewer than ``num_terms``, the
    last columns stay zero, so the width never depends on the data.

    Args:
        num_terms: Width D of the vector; the release has 3000.
        tokenizer: Arguments of :class:`Tokenizer`; None: its defaults.
        weighting: ``'count'`` (as released), ``'binary'`` or ``'tfidf'``:
            count times ln((1 + N) / (1 + N_term)) + 1 over the N training
            texts.
        norm: ``'l2'`` scales each vector to length 1; None does not.

    Raises:
        ValueError: An option is not one of those above.
    """

    def __init__(self,
                 num_terms: int = 3000,
                 tokenizer: Optional[dict] = None,
                 weighting: str = 'count',
                 norm: Optional[str] = None) -> None:
        if num_terms < 1:
            raise ValueError(f'num_terms must be positive, got {num_terms}')
        if weighting not in ('count', 'binary', 'tfidf'):
            raise ValueError("weighting must be 'count', 'binary' or 'tfidf',"
                             f' got {weighting!r}')
        if norm not in (None, 'l2'):
            raise ValueError(f"norm must be 'l2' or None, got {norm!r}")
        self.num_terms = num_terms
        self.tokenizer = Tokenizer(**(tokenizer or {}))
        self.weighting = weighting
        self.norm = norm
        self._set_terms([], [])

    @property
    def out_features(self) -> int:
        """Width D of a vector."""
        return self.num_terms

    def fit(self, texts: Sequence[str]) -> None:
        """Choose the terms, and their weights, from training texts."""
        counts = Counter(term for text in texts
                         for term in set(self.tokenizer(text)))
        if not counts:
            raise ValueError(f'no token found in {len(texts)} training texts:'
                             ' does the tokenizer fit their script?')
        chosen = sorted(counts, key=lambda term: (-counts[term], term))
        chosen = chosen[:self.num_terms]
        idf = [float(np.log((1 + len(texts)) / (1 + counts[term])) + 1)
               for term in chosen]
        self._set_terms(chosen, idf)

    def encode(self, texts: Sequence[str]) -> EncodedTexts:
        """Encode N texts as a sparse (N, D) float32 matrix."""
        if not self.terms:
            raise RuntimeError('BagOfWords must be fitted (or load a state) '
                               'before it encodes')
        columns: list[int] = []
        values: list[float] = []
        ends = [0]
        for text in texts:
            counts = Counter(self._column[token]
                             for token in self.tokenizer(text)
                             if token in self._column)
            ordered = sorted(counts)
            columns.extend(ordered)
            values.extend(self._weights(ordered, counts))
            ends.append(len(columns))
        return EncodedTexts(scipy.sparse.csr_matrix(
            (np.asarray(values, np.float32), columns, ends),
            shape=(len(texts), self.num_terms)))

    def _weights(self, columns: list[int], counts: Counter) -> np.ndarray:
        weights = np.array([counts[c] for c in columns], float)
        if self.weighting == 'binary':
            weights[:] = 1
        elif self.weighting == 'tfidf':
            weights *= self._idf[columns]
        if self.norm == 'l2' and len(weights):
            weights /= np.linalg.norm(weights)
        return weights

    def state(self) -> dict[str, Any]:
        """The terms in column order, and their inverse frequencies."""
        return dict(terms=list(self.terms), idf=self._idf.tolist())

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take over the terms of a fitted one.

        Raises:
            ValueError: It has more terms than ``num_terms``.
        """
        if len(state['terms']) > self.num_terms:
            raise ValueError(f'num_terms is {self.num_terms}, but the state '
                             f'holds {len(state["terms"])} terms')
        self._set_terms(state['terms'], state['idf'])

    def _set_terms(self, terms: Sequence[str], idf: Sequence[float]) -> None:
        self.terms = list(terms)
        self._idf = np.asarray(idf, float)
        self._column = {term: i for i, term in enumerate(self.terms)}
