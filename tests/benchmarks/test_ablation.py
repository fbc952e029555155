"""What benchmarks/ablation.py keeps, and tables."""
from __future__ import annotations

import sys
from pathlib import Path

import pytest

_FOLDER = Path(__file__).resolve().parents[2] / 'benchmarks'


@pytest.fixture
def ablation(monkeypatch):
    monkeypatch.syspath_prepend(str(_FOLDER))
    import ablation
    yield ablation
    del sys.modules['ablation']


def test_runs_of_another_configuration_or_other_options_are_others(ablation):
    which = ablation.what_runs
    assert len({which('a/one.py', {}), which('a/other.py', {}),
                which('a/one.py', {'model.mmd': None})}) == 3
    assert which('a/one.py', {'a': 1, 'b': 2}) == which(
        'a/one.py', {'b': 2, 'a': 1}) == 'one a=1 b=2'


def test_options_with_a_slash_are_tabled(ablation):
    run = dict(i2t_mAP=.4, t2i_mAP=.5, mean_mAP=.45, seconds=3., chance=.1)
    text = ablation.table({'one file=a/b.npz/full/0.1/0': run})
    assert '| 10% | full | 1 | 0.400 | 0.500 | 0.450 | 3 |' in text
