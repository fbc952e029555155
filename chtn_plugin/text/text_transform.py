"""The contract of text transforms, which turn texts into network input."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Optional

from torch import Tensor

from .encoded_texts import EncodedTexts


class TextTransform:
    """What turns texts into a network's input.

    A data set fits it to the texts of the *training split only*, and puts
    its ``state`` into ``metainfo['text']``, which MMEngine stores in every
    checkpoint: a checkpoint alone can embed new texts.
    """

    def fit(self, texts: Sequence[str]) -> None:
        """Learn whatever is learned from the training texts."""

    def encode(self, texts: Sequence[str]) -> EncodedTexts:
        """Encode N texts; those of this package log what they do not know."""
        raise NotImplementedError

    def __call__(self, texts: Sequence[str]) -> Tensor | dict[str, Tensor]:
        """Encode N texts as one batch."""
        return self.encode(texts).take(list(range(len(texts))))

    def unknown_words(self, text: str) -> Optional[tuple[list[str], int]]:
        """Find what of a text is not known, to tell whoever asked with it.

        Returns:
            The unknown words, each once and in order, and how many different
            words there are. None: this transform cannot tell.
        """
        return None

    def state(self) -> dict[str, Any]:
        """Return what was fitted, in plain types."""
        return {}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take over what another one of this kind fitted."""
