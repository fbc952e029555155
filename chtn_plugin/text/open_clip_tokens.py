"""Turn texts into the tokens of an open_clip model."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.registry import TRANSFORMS

from ..storage.open_clip_files import tokens_of
from .encoded_texts import EncodedTexts
from .text_transform import TextTransform


@TRANSFORMS.register_module()
class OpenCLIPTokens(TextTransform):
    """Text to ``input_ids`` by open_clip's own tokenizer.

    The text tower reads its whole length, padding too: there is no mask.

    Args:
        context_length: Tokens L of a text, special ones included.
    """

    def __init__(self, context_length: int = 77) -> None:
        if context_length < 2:
            raise ValueError('context_length must be at least 2, got '
                             f'{context_length}')
        self.context_length = context_length

    def encode(self, texts: Sequence[str]) -> EncodedTexts:
        """Encode N texts as (N, L) int64."""
        return EncodedTexts(self(texts))

    def __call__(self, texts: Sequence[str]) -> dict[str, torch.Tensor]:
        """Encode N texts as one batch."""
        if not len(texts):
            return dict(input_ids=torch.zeros(0, self.context_length,
                                              dtype=torch.int64))
        return dict(input_ids=tokens_of(list(texts), self.context_length))

    def state(self) -> dict[str, Any]:
        """Return what was fitted: nothing, the package has the words."""
        return dict(tokenizer='open_clip')
