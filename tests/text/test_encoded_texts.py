"""Batches out of encoded texts, however their rows are kept."""
from __future__ import annotations

import scipy.sparse
import torch

from chtn_plugin.text import EncodedTexts

ROWS = [[1., 0.], [0., 2.], [3., 0.]]


def test_rows_of_a_sparse_matrix_come_dense():
    texts = EncodedTexts(scipy.sparse.csr_matrix(ROWS))
    assert texts.take([2, 0]).tolist() == [[3, 0], [1, 0]]


def test_rows_of_a_tensor():
    assert EncodedTexts(torch.tensor(ROWS)).take([1]).tolist() == [[0, 2]]


def test_rows_of_several_tensors_keep_their_names():
    texts = EncodedTexts(dict(ids=torch.arange(3), mask=torch.ones(3)))
    batch = texts.take([2])
    assert {name: rows.tolist() for name, rows in batch.items()} == dict(
        ids=[2], mask=[1])


def test_its_length_is_the_number_of_texts():
    assert [len(EncodedTexts(rows)) for rows in (
        scipy.sparse.csr_matrix(ROWS), torch.tensor(ROWS),
        dict(ids=torch.arange(3)))] == [3, 3, 3]
