"""What a text encoder is given, and the error where it is another's."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Kinds of text input, and the transform that makes each.
KINDS = {'vectors': 'BagOfWords', 'word numbers': 'WordIndices',
         'tokens': 'HFTokens'}


def check_text(text: Any, kind: str) -> None:
    """Refuse the input of another kind of text encoder.

    Args:
        text: ``'vectors'``: floating point (B, D). ``'word numbers'``:
            integers (B, L). ``'tokens'``: a dictionary of (B, L).
        kind: What the encoder takes.

    Raises:
        ValueError: The text is something else.
    """
    if isinstance(text, Mapping):
        found, shape = 'tokens', ''
    else:
        found = 'vectors' if text.is_floating_point() else 'word numbers'
        shape = f' of shape {tuple(text.shape)}'
    if found != kind or (shape and text.dim() != 2):
        raise ValueError(
            f'this text encoder takes {kind}, one row a text, as '
            f'{KINDS[kind]} makes them: got {found}{shape}')
