"""How far exported towers are from PyTorch, on towers that are known."""
from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from chtn_plugin.export import onnx_parity, onnx_runtime
from chtn_plugin.export.onnx_parity import (
    Parity,
    compare_files,
    compare_towers,
)

ROWS = dict(image=dict(image=torch.eye(3)), text=dict(text=torch.eye(3)))


class Same(nn.Module):
    """A tower that gives what it gets."""

    def forward(self, rows):
        return (rows, )


TOWERS = dict(image=Same(), text=Same())


@pytest.fixture
def exported(monkeypatch):
    """Pretend exported towers that answer by this function of the rows."""
    def answer(change):
        monkeypatch.setattr(onnx_runtime, 'Towers', lambda folder:
                            SimpleNamespace(run=lambda kind, inputs: [
                                change(next(iter(inputs.values())))]))
    return answer


def test_the_same_answers_are_no_difference(exported):
    exported(lambda rows: rows)
    assert compare_towers(TOWERS, None, ROWS, [], None) == Parity(0., 1., 3)


def test_a_difference_is_that_of_vectors_of_length_1(exported):
    # 2 e_k has the direction of e_k.
    exported(lambda rows: 2 * rows)
    assert compare_towers(TOWERS, None, ROWS, [], None).difference == 0
    # (1, 1, 0) / sqrt(2) in place of (1, 0, 0) is .71 off in the second.
    exported(lambda rows: rows + np.roll(rows, 1, axis=1))
    parity = compare_towers(TOWERS, None, ROWS, [], None)
    assert parity.difference == pytest.approx(.5 ** .5)


def test_results_are_equal_where_their_scores_are():
    # Both find the same two; the third, one of two ties, may be either.
    query, gallery = np.array([[1., 0]]), np.array([[1., 0], [0, 1], [0, 1]])
    assert onnx_parity._agreement(query, query, gallery,
                                  gallery[[0, 2, 1]]) == 1


def test_other_results_are_counted():
    # Ten are compared: of twelve items, the two worst there were the best.
    angles = np.linspace(0, 1, 12)
    gallery = np.stack([np.cos(angles), np.sin(angles)], 1)
    query = np.array([[1., 0]])
    assert onnx_parity._agreement(query, query, gallery,
                                  gallery[::-1]) == pytest.approx(.8)


def test_texts_that_become_other_numbers_are_named():
    there = SimpleNamespace(encode=lambda texts: dict(
        text=np.array([[1., 0], [0, 2]])))
    with pytest.raises(ValueError, match="numbers that .*'a dog' does not"):
        onnx_parity._check_tokens(
            there, lambda texts: torch.tensor([[1., 0], [0, 1]]),
            ['a cat', 'a dog'])


def test_without_files_nothing_is_added():
    parity = Parity(0., 1., 3)
    assert compare_files(parity, None, [], {}, Same()) is parity


def test_pixels_differ_by_their_mean_and_their_most(monkeypatch):
    monkeypatch.setattr(onnx_runtime, 'Towers', lambda folder:
                        SimpleNamespace(load=lambda path: np.array([3., 4.]),
                                        images=lambda rows: [rows]))
    files = compare_files(Parity(0., 1., 1), None, ['a.png'],
                          dict(image=torch.tensor([[3., 8.]])), Same()).files
    assert (files.mean, files.largest, files.samples) == (2, 4, 1)


def test_pictures_that_cannot_be_loaded_there_are_a_refusal(monkeypatch):
    def refuse(path):
        raise ValueError('no such transform')
    monkeypatch.setattr(onnx_runtime, 'Towers', lambda folder:
                        SimpleNamespace(load=refuse))
    parity = compare_files(Parity(0., 1., 1), None, ['a.png'],
                           dict(image=torch.eye(1)), Same())
    assert parity.refusal == 'no such transform' and parity.files is None
