"""Net gains of a ladder of labels, and what is said of them."""
from __future__ import annotations

import numpy as np
import pytest

from chtn_plugin.studies.transfer_table import (
    gain_text,
    half_interval,
    signed,
    summary,
    verdict,
)


def record(step, mean, draw=0, rung='2/class', kind='closed', labelled=6,
           unlabelled=42, text=.5):
    return dict(kind=kind, step=step, rung=rung, draw=draw, mean=mean,
                i2t=mean, t2i=mean, ap=dict(i2t=[mean, mean],
                                            t2i=[mean, mean]),
                accuracy_image=.5, accuracy_text=text, labelled=labelled,
                unlabelled=unlabelled)


def free(mean):
    return record('CCA', mean, kind='free', rung='0', labelled=0)


def gains(records):
    rung, = summary(records)['rungs']
    return {gain['gain']: gain for gain in rung['gains']}


def test_a_gain_is_the_mean_paired_difference():
    found = gains([record('features', .3, 0), record('features', .5, 1),
                   record('pairs', .4, 0), record('pairs', .7, 1)])
    assert found['pairs']['mean'] == pytest.approx(.15)
    # Differences .1 and .2: half of the interval is 12.7 times .05.
    assert found['pairs']['over_draws'] == pytest.approx(12.706 * .05, 1e-3)


def test_the_bar_is_the_better_of_each_draw():
    found = gains([record('features', .3, 0), record('features', .5, 1),
                   record('pairs', .6, 0), record('pairs', .6, 1),
                   free(.4)])
    # Above .4 in draw 0, above .5 in draw 1.
    assert found['recipe in closed form, over the bar'][
        'mean'] == pytest.approx(.15)


def test_what_has_one_draw_stands_for_all():
    found = gains([record('pairs, names, source', .5, 0),
                   record('pairs, names, shuffled source', .4, 0),
                   record('pairs, names, shuffled source', .2, 1)])
    gain = found['source by names, over shuffled names']
    assert gain['draws'] == 2 and gain['mean'] == pytest.approx(.2)


def test_one_draw_has_no_interval():
    assert half_interval([.3]) is None


@pytest.mark.parametrize(('mean', 'half', 'said'), [
    (.02, .01, 'gains'), (-.02, .01, 'loses'), (.02, .03, 'is level')])
def test_the_interval_over_draws_decides(mean, half, said):
    assert verdict(dict(mean=mean, over_draws=half,
                        over_queries=[-1, 1])) == said


def test_rungs_are_in_the_order_of_their_labels():
    found = summary([record('pairs', .6, rung='10%', labelled=20),
                     record('pairs', .5, rung='1/class', labelled=3)])
    assert [rung['rung'] for rung in found['rungs']] == ['1/class', '10%']


def test_accuracy_that_soft_labels_cost_is_said():
    found = summary([record('features', .3, text=.7),
                     record('pairs', .4, text=.6)])
    assert any("hurt the texts' accuracy at 2/class: 0.700 without" in line
               for line in found['words'])


def test_a_recipe_below_the_bar_is_said():
    records = [record('features', .3, d) for d in range(3)] + [
        record('pairs', .3 + .001 * d, d) for d in range(3)] + [free(.5)]
    assert any(line.startswith('Recipe in closed form, over the bar: loses')
               for line in summary(records)['words'])


def test_queries_without_an_answer_do_not_count():
    one, other = record('features', .3), record('pairs', .5)
    for made in (one, other):
        made['ap'] = dict(i2t=[made['mean'], None], t2i=[made['mean'], None])
    low, high = gains([one, other])['pairs']['over_queries']
    assert (low, high) == pytest.approx((.2, .2))


def test_signs_are_written_out():
    assert [signed(v) for v in (.0431, -.2, 0., -1.5)] == [
        '+.043', '−.200', '+.000', '−1.500']
    assert gain_text(dict(mean=.1, over_draws=.02)) == '+.100 ± .020'
    assert not np.isnan(half_interval([.1, .2]))


@pytest.mark.parametrize(('pairs', 'said'), [
    (.52, 'Network: pairs: gains at 100%'),
    (.48, 'Network: pairs: loses at 100%')])
def test_what_the_recipe_costs_at_full_labels_is_said(pairs, said):
    full = dict(rung='100%', labelled=48, unlabelled=0, kind='network')
    records = [record(step, mean + shift, draw, **full)
               for step, mean in (('network', .5), ('network, pairs', pairs))
               for draw, shift in enumerate((0., .001))]
    assert any(line.startswith(said) for line in summary(records)['words'])
