"""Towers that are aligned already, compared without training."""
from dataclasses import replace

import numpy as np
import pytest
from small_set import small_set

from chtn_plugin.studies.benchmark import Plan, run_benchmark
from chtn_plugin.studies.label_budgets import LabelBudget
from chtn_plugin.studies.pair_features import prepare
from chtn_plugin.studies.record_store import RecordStore
from chtn_plugin.studies.untrained import untrained_vectors

ROWS = np.arange(48, 63)


def aligned_set(**prior):
    """Images are class k's direction, texts another length of the same."""
    made = small_set()
    direction = np.eye(4, dtype=np.float32)[made.label]
    made = prepare(replace(made, image=direction, text=3 * direction), 2)
    return replace(made, prior=prior or None)


def test_vectors_are_compared_as_they_were_read():
    vectors, similarity = untrained_vectors('aligned', aligned_set(), ROWS)
    assert similarity == 'cosine'
    np.testing.assert_allclose(vectors['image'], vectors['text'])
    assert vectors['image'].shape == (15, 4)


def test_zero_shot_is_the_softmax_of_cosines_with_the_names():
    names = np.eye(4)[[2, 0, 1]]
    vectors, similarity = untrained_vectors(
        'zero-shot', aligned_set(target_names=names), ROWS)
    # Class 0 lies on the name of class 1: cosine 1 there, 0 elsewhere.
    expected = np.exp(100.) / (np.exp(100.) + 2)
    assert vectors['image'][0].tolist() == pytest.approx(
        [1 - expected, expected, 0], abs=1e-6)
    assert vectors['text_class'][:3].tolist() == [1, 2, 0]
    assert similarity == 'dot'


def test_they_are_tabled_once_a_budget(tmp_path):
    plan = Plan(('aligned', ), (LabelBudget(each=4), ), draws=3)
    record, = run_benchmark(aligned_set(), plan, RecordStore(
        tmp_path / 'r.jsonl'), progress=False)
    assert record['mean'] == 1 and record['accuracy_image'] is None


@pytest.mark.parametrize(('name', 'features', 'message'), [
    ('aligned', small_set(), 'images of 6 numbers and texts of 5'),
    ('zero-shot', aligned_set(), '--class-names for small'),
    ('zero-shot', aligned_set(target_names=np.eye(3)),
     'have 3 numbers, its texts 4')])
def test_what_is_not_of_one_space_is_refused(name, features, message):
    with pytest.raises(ValueError, match=message):
        untrained_vectors(name, features, ROWS)
