"""Intervals and tests over queries."""
from itertools import product

import numpy as np
import pytest

from chtn_plugin.evaluation.statistics import (
    bootstrap,
    bootstrap_means,
    holm,
    interval,
    paired_randomisation,
    paired_randomisation_of_medians,
)


def test_bootstrap_has_the_spread_of_the_mean():
    values = np.random.default_rng(0).normal(size=400)
    samples = bootstrap_means(values, 4000)
    assert samples.mean() == pytest.approx(values.mean(), abs=.005)
    assert samples.std() == pytest.approx(values.std() / 20, rel=.05)
    low, high = interval(samples)
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 20, rel=.1)


def test_bootstrap_repeats_with_its_seed():
    values = np.arange(10.)
    assert (bootstrap_means(values, 50) == bootstrap_means(values, 50)).all()
    assert (bootstrap_means(values, 50)
            != bootstrap_means(values, 50, seed=1)).any()


def test_few_queries_try_every_sign():
    # 1 + 2 + 3 is reached by all plus and all minus: 2 of 8.
    assert paired_randomisation([np.array([1., 2, 3])]) == 2 / 8
    assert paired_randomisation([np.array([.1, .2, -.3])]) == 1
    assert paired_randomisation([np.zeros(50)]) == 1


def test_directions_count_alike_whatever_their_size():
    a, b = np.array([1., 3]), np.array([2.])
    sums = [abs((s[0] + 3 * s[1]) / 2 + 2 * s[2])
            for s in product([1, -1], repeat=3)]
    assert paired_randomisation([a, b]) == np.mean(np.array(sums) >= 4)


def test_many_queries_draw_signs():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=300)
    assert paired_randomisation([noise - noise.mean()], 500) > .9
    assert paired_randomisation([noise + 1], 500) == 1 / 501


def test_holm_on_a_worked_example():
    # .01 x 3, .02 x 2, then never below what stands before.
    assert holm([.02, .01, .03]) == pytest.approx([.04, .03, .04])
    assert holm([.5, .9]) == [1., 1.]
    assert holm([]) == []


def slow_samples(values, resamples, seed, average):
    rng = np.random.default_rng(seed)
    return [average(values[rng.integers(0, len(values), len(values))])
            for _ in range(resamples)]


@pytest.mark.parametrize('count', [1, 6, 7])
def test_means_and_medians_share_the_draws(count):
    values = np.random.default_rng(0).normal(size=(3, count))
    got = bootstrap(values, 40, 5, np.array([False, True, False]))
    for row, average in enumerate((np.mean, np.median, np.mean)):
        np.testing.assert_allclose(got[row], slow_samples(
            values[row], 40, 5, average), rtol=0, atol=1e-15)


def test_samples_do_not_depend_on_how_many_are_drawn_at_once(monkeypatch):
    from chtn_plugin.evaluation import statistics
    values = np.arange(9.)
    whole = bootstrap_means(values, 30)
    monkeypatch.setattr(statistics, '_DRAWN_AT_ONCE', 20)
    assert np.array_equal(bootstrap_means(values, 30), whole)


def test_medians_are_tested_by_swapping():
    rng = np.random.default_rng(0)
    ranks = rng.integers(1, 100, 200).astype(float)
    assert paired_randomisation_of_medians([(ranks, ranks)], 100) == 1
    assert paired_randomisation_of_medians([(ranks, ranks + 40)], 100) == (
        1 / 101)
    # One outlier moves a mean by 5, and the median not at all.
    other = ranks.copy()
    other[0] += 1000
    assert paired_randomisation_of_medians([(ranks, other)], 100) == 1


@pytest.mark.parametrize(('name', 'options'), [
    ('resamples', dict(resamples=-5)), ('seed', dict(seed=-1))])
def test_numbers_below_0_are_refused(name, options):
    with pytest.raises(ValueError, match=f'{name} of the bootstrap must be'):
        bootstrap(np.ones((1, 3)), **options)
