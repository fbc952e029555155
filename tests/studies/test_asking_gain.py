"""What asking for chosen labels gains over drawing at random."""
from __future__ import annotations

import numpy as np
import pytest
from small_set import small_set

from chtn_plugin.studies import asking_gain as module
from chtn_plugin.studies.asking_gain import asking_gain
from chtn_plugin.studies.pair_features import PairFeatures


def test_a_row_a_round_counts_the_labels():
    found = asking_gain(small_set(), start=1, rounds=2, draws=2)
    # Three classes, one label each to begin with, three more a round.
    assert [row['labels'] for row in found] == [6, 9]
    assert set(found[0]) == {'labels', 'random', 'both', 'coverage',
                             'disagreement'}


def test_random_gains_nothing_over_itself():
    row = asking_gain(small_set(), rounds=1, draws=2, ways=())[0]
    assert row['random']['gain'] == 0
    assert row['random']['over_draws'] == 0


def test_equal_draws_give_equal_figures():
    one, other = (asking_gain(small_set(), rounds=1, draws=2)
                  for _ in range(2))
    assert one == other


def test_test_rows_are_never_asked_for(monkeypatch):
    made, asked = small_set(), []
    original = module.next_rows

    def spy(features, label, *more):
        rows = original(features, label, *more)
        asked.extend(rows.tolist())
        return rows

    monkeypatch.setattr(module, 'next_rows', spy)
    asking_gain(made, rounds=2, draws=1)
    assert asked and made.train[asked].all()


def test_pairs_whose_class_is_unknown_are_not_asked_for():
    made = small_set()
    label = made.label.copy()
    label[10:48] = -1
    made = PairFeatures('s', made.image, made.text, label, made.train)
    # Ten known training rows: three to begin with, then at most seven more.
    found = asking_gain(made, rounds=4, draws=1, ways=('coverage', ))
    assert found[-1]['labels'] == 10


def test_covering_three_tight_groups_beats_chance():
    rng = np.random.default_rng(0)
    size = np.array([60, 6, 6])  # chance sees the first again and again
    label = np.repeat(np.arange(3), size)
    centres = np.eye(3)
    image = centres[label] + .05 * rng.normal(size=(72, 3))
    train = np.ones(72, bool)
    train[[0, 1, 60, 61, 66, 67]] = False
    made = PairFeatures('g', image.astype(np.float32),
                        image.astype(np.float32), label, train)
    row = asking_gain(made, rounds=1, draws=3, ways=('coverage', ))[0]
    assert row['coverage']['mean'] >= row['random']['mean']
    assert row['coverage']['mean'] == pytest.approx(1.)
