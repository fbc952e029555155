"""A text transform of the user's own: what it gets for nothing."""
from __future__ import annotations

import pytest
import torch

from chtn_plugin.text import EncodedTexts, TextTransform


class Lengths(TextTransform):
    """Encodes a text as its length."""

    def encode(self, texts):
        return EncodedTexts(torch.tensor([[float(len(t))] for t in texts]))


def test_encode_alone_makes_batches():
    assert Lengths()(['a', 'abc']).tolist() == [[1], [3]]


def test_what_learns_nothing_has_an_empty_state():
    made = Lengths()
    made.fit(['a'])
    made.load_state(made.state())
    assert made.state() == {}


def test_it_cannot_tell_which_words_it_knows():
    assert Lengths().unknown_words('a') is None


def test_encode_must_be_written():
    with pytest.raises(NotImplementedError):
        TextTransform().encode(['a'])
