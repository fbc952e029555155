"""Which rows are no numbers."""
import numpy as np
import pytest
import torch

from chtn_plugin.storage import finite
from chtn_plugin.storage.finite import nonfinite_rows


@pytest.mark.parametrize('make', [np.array, torch.tensor])
def test_names_the_rows(make):
    rows = make([[1., 2], [np.nan, 0], [3, 4], [0, -np.inf]])
    assert nonfinite_rows(rows).tolist() == [1, 3]


def test_rows_may_have_any_shape_and_type():
    assert nonfinite_rows(np.array([1., np.nan])).tolist() == [1]
    assert nonfinite_rows(np.ones((2, 3), int)).tolist() == []
    assert nonfinite_rows(torch.tensor([[1., np.inf]]).bfloat16()
                          ).tolist() == [0]
    assert nonfinite_rows(np.zeros((0, 4))).tolist() == []


def test_looks_at_every_piece(monkeypatch):
    monkeypatch.setattr(finite, '_NUMBERS_AT_ONCE', 4)
    rows = np.zeros((7, 2))
    rows[[2, 6]] = np.nan
    assert nonfinite_rows(rows).tolist() == [2, 6]
