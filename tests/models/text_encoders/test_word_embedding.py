"""Vectors of word numbers."""
from __future__ import annotations

import pytest
import torch

from chtn_plugin.models.text_encoders.word_embedding import WordEmbedding


def test_padding_is_zero_and_no_word():
    vectors, present, counts = WordEmbedding(4, 2)(torch.tensor(
        [[2, 3, 0], [3, 0, 0]]))
    # The column of padding alone is left out.
    assert present.tolist() == [[True, True], [True, False]]
    assert vectors.shape == (2, 2, 2)
    assert vectors[1, 1].tolist() == [0, 0]
    assert counts.tolist() == [2, 1]


def test_padding_gets_no_gradient():
    table = WordEmbedding(4, 2)
    table(torch.tensor([[2, 0], [3, 2]]))[0].sum().backward()
    assert table.weight.grad.tolist() == [[0, 0], [0, 0], [2, 2], [1, 1]]


def test_a_file_fills_the_rows_behind_padding_and_unknown(tmp_path):
    (tmp_path / 'v.txt').write_text('cat 1 2\ndog 3 4\nowl 5 6\n')
    table = WordEmbedding(4, 2, str(tmp_path / 'v.txt'), trainable=False)
    table.init_weights()
    assert table.weight.tolist() == [[0, 0], [0, 0], [1, 2], [3, 4]]
    assert not table.weight.requires_grad


def test_vectors_of_another_size_are_refused(tmp_path):
    (tmp_path / 'v.txt').write_text('cat 1 2 3\n')
    with pytest.raises(ValueError, match='vector_size is 2, .* vectors of 3'):
        WordEmbedding(4, 2, str(tmp_path / 'v.txt')).init_weights()


def test_a_number_beyond_the_table_is_refused():
    with pytest.raises(ValueError, match='below 4, the num_words .* got 4'):
        WordEmbedding(4, 2)(torch.tensor([[4]]))
