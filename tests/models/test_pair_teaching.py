"""The pair teacher in closed form."""
from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_softmax, softmax
from small_set import small_set

from chtn_plugin.methods.semantic_matching import logistic_regression
from chtn_plugin.models.pair_teaching import (
    SoftRegression,
    held_out_temperature,
    taught_scores,
)


def labelled(made, each):
    label = np.where(made.train, -1, -2)
    for number in range(made.num_classes):
        rows = np.flatnonzero(made.train & (made.label == number))[:each]
        label[rows] = number
    return label


def accuracy(made, scores):
    test = ~made.train
    return (scores[test].argmax(1) == made.label[test]).mean()


def test_the_solution_has_no_slope():
    rng = np.random.default_rng(0)
    rows, target = rng.normal(size=(30, 4)), softmax(
        rng.normal(size=(30, 3)), 1)
    weight, offset = rng.uniform(size=30), rng.normal(size=(30, 3))
    solver = SoftRegression(rows, 2., weight)
    found = solver.fit(target, offset, steps=400)
    inputs = np.c_[rows, np.ones(30)]
    error = softmax(inputs @ found + offset, 1) - target
    slope = found + 2. * inputs.T @ (weight[:, None] * error)
    assert abs(slope).max() < 1e-6


def test_hard_labels_give_the_regression_of_scikit_learn():
    pytest.importorskip('sklearn')
    rng = np.random.default_rng(1)
    rows, label = rng.normal(size=(40, 5)), np.arange(40) % 3
    solver = SoftRegression(rows, 3.)
    ours = solver.scores(rows, solver.fit(np.eye(3)[label], steps=800))
    weight, bias = logistic_regression(rows, np.eye(3)[label], 3., 1000)
    # Theirs leaves the bias free; ours draws it a little towards 0.
    assert softmax(ours, 1) == pytest.approx(
        softmax(rows @ weight + bias, 1), abs=.02)


def test_more_numbers_than_rows_are_solved_in_their_span():
    rng = np.random.default_rng(2)
    rows, target = rng.normal(size=(6, 20)), np.eye(2)[np.arange(6) % 2]
    wide = SoftRegression(rows, 5.)
    padded = SoftRegression(np.r_[rows, np.zeros((20, 20))], 5.,
                            np.r_[np.ones(6), np.zeros(20)])
    one = wide.scores(rows, wide.fit(target, steps=300))
    other = padded.scores(rows, padded.fit(
        np.r_[target, np.full((20, 2), .5)], steps=300))
    assert one == pytest.approx(other, abs=1e-6)


def test_pairs_teach_more_than_few_labels_know():
    made = small_set(train=240, test=150, noise=1.2)
    label = labelled(made, 1)
    alone, taught = (taught_scores(made.image, made.text, label, 3,
                                   pairs=pairs) for pairs in (False, True))
    assert (accuracy(made, taught[0]) + accuracy(made, taught[1])
            > accuracy(made, alone[0]) + accuracy(made, alone[1]))


def test_without_unlabelled_pairs_nothing_is_taught():
    made = small_set()
    label = labelled(made, 99)
    alone, taught = (taught_scores(made.image, made.text, label, 3,
                                   pairs=pairs) for pairs in (False, True))
    assert alone[0] == pytest.approx(taught[0])


def test_test_rows_teach_nothing():
    made = small_set()
    label = labelled(made, 2)
    image = made.image.copy()
    image[~made.train] = 1e3
    one, other = (taught_scores(rows, made.text, label, 3)[0][made.train]
                  for rows in (made.image, image))
    assert one == pytest.approx(other)


def test_without_a_label_all_rests_on_the_prior():
    made = small_set()
    prior = 3 * np.eye(3)[made.label]
    label = np.where(made.train, -1, -2)
    image, text = taught_scores(made.image, made.text, label, 3,
                                (prior, 0.))
    assert accuracy(made, text) > .8


def test_over_confident_scores_get_a_high_temperature():
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(60, 40))  # noise alone: no confidence is right
    label = np.arange(60) % 3
    assert held_out_temperature(rows, label, np.arange(60), 3,
                                strength=100.) > 2


def test_the_temperature_of_a_calibrated_prior_is_about_one():
    rng = np.random.default_rng(4)
    scores = 2 * rng.normal(size=(3000, 3))
    label = np.array([rng.choice(3, p=p) for p in softmax(scores, 1)])
    # Rows of nothing leave the prior alone.
    found = held_out_temperature(np.zeros((3000, 1)), label,
                                 np.arange(3000), 3, scores)
    assert found == 1.
    own = np.arange(3000), label
    assert log_softmax(scores, 1)[own].mean() > log_softmax(
        scores / 2, 1)[own].mean()
