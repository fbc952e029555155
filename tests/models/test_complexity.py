"""Counting of what it takes to encode; whole models: test_analysis_tools."""
from types import SimpleNamespace

import pytest
import torch

from chtn_plugin.models.complexity import complexity, text_input


def test_word_encoders_take_word_numbers():
    words = text_input(SimpleNamespace(words=None), 3)
    assert words.shape == (1, 3) and not words.is_floating_point()


def test_transformers_take_tokens_and_their_mask():
    tokens = text_input(SimpleNamespace(pooling='mean'), 3)
    assert {name: tuple(value.shape) for name, value in tokens.items()} == {
        'input_ids': (1, 3), 'attention_mask': (1, 3)}


def test_other_encoders_take_a_vector():
    vector = text_input(SimpleNamespace(out_features=5), 3)
    assert vector.shape == (1, 5) and vector.dtype == torch.float32


def test_refuses_a_model_without_a_text_encoder():
    model = SimpleNamespace(towers=dict)
    with pytest.raises(ValueError, match='text encoder.*SimpleNamespace'):
        complexity(model, (3, 8, 8), 3)
