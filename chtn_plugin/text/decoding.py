"""Decode encoded texts back to words, to check what the model reads."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from .bag_of_words import BagOfWords
from .hf_tokens import HFTokens
from .word_indices import NUM_SPECIAL, PADDING, WordIndices


def seen_text(transform: Any, text: Tensor | Mapping[str, Tensor]
              ) -> list[str]:
    """Decode encoded texts back to words.

    Args:
        transform: The fitted text transform. Of one that is not this
            package's, the shape is all that is said.
        text: Its batch, (B, ...) or a dictionary of such.

    Returns:
        For each text: its words in order, with ``[unknown]``; its tokens; or
        the terms of a bag of words, the heaviest first.
    """
    if isinstance(transform, BagOfWords) and isinstance(text, Tensor):
        return [' '.join(
            f'{transform.terms[i]}:{row[i]:.2g}'
            for i in row.argsort(descending=True).tolist()
            if row[i] and i < len(transform.terms)) for row in text]
    if isinstance(transform, WordIndices) and isinstance(text, Tensor):
        return [' '.join(
            '[unknown]' if i < NUM_SPECIAL else
            transform.words[i - NUM_SPECIAL] for i in row.tolist()
            if i != PADDING) for row in text]
    if isinstance(transform, HFTokens) and isinstance(text, Mapping):
        tokenizer = transform.tokenizer
        return [' '.join(
            token for token in tokenizer.convert_ids_to_tokens(row.tolist())
            if token != tokenizer.pad_token) for row in text['input_ids']]
    values = text.values() if isinstance(text, Mapping) else [text]
    shapes = [tuple(value.shape[1:]) for value in values]
    return [f'vector {shapes[0]}'] * len(next(iter(values)))
