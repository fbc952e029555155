"""What benchmarks/combinations.py compares CHTN with."""
from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config

_FOLDER = Path(__file__).resolve().parents[2] / 'benchmarks'


@pytest.fixture
def combinations(monkeypatch):
    monkeypatch.syspath_prepend(str(_FOLDER))
    import combinations
    yield combinations
    del sys.modules['combinations']


def test_words_are_the_mean_of_their_vectors(combinations):
    torch.manual_seed(0)
    encode = combinations._text_vectors(Config(dict(model=dict(
        text_encoder=dict(type='WordCNN', num_words=5, vector_size=3)))))
    text = torch.tensor([[1, 2, 0, 0], [3, 0, 0, 0], [0, 0, 0, 0]])
    one, two, three = (encode(torch.tensor([[number]]))[0]
                       for number in (1, 2, 3))
    assert encode(text) == pytest.approx(
        np.stack([(one + two) / 2, three, np.zeros(3)]), abs=1e-6)
    assert np.abs(one - two).max() > 1e-3
