"""Figures summed up, and who is ahead."""
import json

import numpy as np
import pytest

from chtn_plugin.studies.benchmark_table import (
    mean_ranks,
    overview,
    setting_in_words,
    tables,
)
from chtn_plugin.studies.spaces import SPACES


def record(method, draw, ap, name='a', labels='10%', unseen=None):
    """A test whose queries have these APs in both directions."""
    mean = float(np.mean(ap))
    return dict(
        {'pair_hit@1': .1, 'pair_hit@10': .5}, kind='test', set=name,
        labels=labels, unseen=unseen, method=method, draw=draw, i2t=mean,
        t2i=mean, mean=mean, ap=dict(i2t=list(ap), t2i=list(ap)),
        seconds=1., numbers=10, setting='{"a": 1}', accuracy_image=None,
        accuracy_text=.5, labelled=4, unlabelled=5, test=len(ap))


def draws(method, level, spread=.01, queries=40, count=4, **options):
    rng = np.random.default_rng(len(method))
    return [record(method, draw, level + spread * rng.normal(size=queries),
                   **options) for draw in range(count)]


def test_the_best_stands_first_and_is_told_from_the_worst():
    table, = tables(draws('Low', .3) + draws('Hello', .6))
    assert [row['method'] for row in table['rows']] == ['Hello', 'Low']
    assert table['words'].startswith('Hello is ahead of every other method')
    assert table['rows'][1]['p'] < .01 and table['rows'][0]['p'] is None


def test_what_differs_by_chance_has_no_winner():
    rng = np.random.default_rng(0)
    one = [record('A', d, rng.uniform(size=20)) for d in range(3)]
    other = [record('B', d, rng.uniform(size=20)) for d in range(3)]
    table, = tables(one + other)
    assert table['words'].startswith('No winner is established among')


def test_draws_that_disagree_have_no_winner_however_many_queries():
    # Ahead by .2 in one draw, behind by .1 in the other: surely ahead over
    # queries, not over draws.
    one = [record('A', 0, np.full(200, .6)), record('A', 1, np.full(200, .4))]
    other = [record('B', d, np.full(200, v)) for d, v in enumerate((.4, .5))]
    table, = tables(one + other)
    assert table['rows'][0]['method'] == 'A'
    assert 'No winner is established' in table['words']


def test_one_draw_stands_beside_all_of_the_other():
    # A closed form at .53, a trained method at .5 ± .05: over 40 equal
    # queries it is ahead in each, over seeds that is not sure.
    queries = np.linspace(.3, .7, 40)
    once = [record('Once', 0, queries + .03)]
    seeds = [record('Seeds', d, queries + v)
             for d, v in enumerate((-.05, 0., .05))]
    table, = tables(once + seeds)
    assert table['words'].startswith('No winner is established')
    # t = (.08, .03, -.02): mean .03, deviation .05, 2 degrees of freedom.
    assert table['rows'][1]['p'] == pytest.approx(.4078, abs=1e-3)
    close = [record('Seeds', d, queries + v)
             for d, v in enumerate((-.001, 0., .001))]
    table, = tables(once + close)
    assert table['words'].startswith('Once is ahead of every other')


def test_only_the_best_is_said_to_be_ahead_of_the_others():
    queries = np.linspace(.3, .6, 40)
    rng = np.random.default_rng(0)
    table, = tables([
        record('A', 0, queries + .02 + .001 * rng.normal(size=40)),
        record('B', 0, queries + .015 + .1 * rng.normal(size=40)),
        record('C', 0, queries + .001 * rng.normal(size=40))])
    assert f'{table["rows"][0]["method"]} is ahead of the others' in (
        table['words'])
    assert 'They' not in table['words']


def test_draws_of_unseen_classes_can_establish_a_winner():
    def found(method, *means):
        return [record(method, d, [v] * (3 + d), unseen=.25)
                for d, v in enumerate(means)]

    table, = tables(found('A', .8, .81, .79) + found('B', .2, .21, .2))
    assert table['words'].startswith('A is ahead of every other method')
    table, = tables(found('A', .8) + found('B', .2))
    assert table['words'].startswith('No winner is established')


def test_over_draws_is_students_interval():
    found = [record('A', d, [v]) for d, v in enumerate((.4, .5, .6))]
    row = tables(found)[0]['rows'][0]
    # t(2, .975) = 4.3027, times .1 / sqrt(3).
    assert row['over_draws'] == pytest.approx(.24841, abs=1e-4)
    assert row['mean'] == pytest.approx(.5)


def test_one_draw_has_no_interval_over_draws():
    row = tables([record('A', 0, [.4, .6])])[0]['rows'][0]
    assert row['over_draws'] is None and row['over_queries'] is not None


def test_sets_and_label_budgets_have_tables_of_their_own():
    found = tables(draws('A', .5) + draws('A', .5, labels='100%')
                   + draws('A', .5, name='b'))
    assert [(t['set'], t['labels']) for t in found] == [
        ('a', '10%'), ('a', '100%'), ('b', '10%')]


def test_a_failed_method_keeps_its_row():
    wrong = dict(kind='error', set='a', labels='10%', unseen=None, draw=0,
                 method='Broken', error='ValueError: no', at='x:1')
    table, = tables([*draws('A', .5), wrong])
    assert table['rows'][-1] == dict(method='Broken',
                                     error='ValueError: no')


def test_baselines_are_not_ranked():
    table, = tables(draws('labels', 1.) + draws('A', .5) + draws('Bc', .3))
    assert table['words'].startswith('A is ahead of every')
    assert table['tests'] == 1


def test_mean_rank_over_two_sets():
    found = tables(draws('A', .5) + draws('Bc', .3)
                   + draws('A', .2, name='b') + draws('Bc', .6, name='b'))
    assert mean_ranks(found) == {'10%': dict(A=1.5, Bc=1.5)}


def test_a_setting_in_words():
    assert setting_in_words(
        'Mine', '{"optim_wrapper.optimizer.lr": 0.1, "similarity": "dot"}'
        ) == 'lr=0.1, similarity=dot'
    assert setting_in_words(
        'Mine', '{"optim_wrapper.optimizer": {"_delete_": true, "type": '
        '"AdamW", "lr": 0.001}}') == 'type=AdamW, lr=0.001'
    assert setting_in_words('MHTN', '{}') == 'as it comes'


def test_what_all_settings_of_a_method_have_in_common_is_left_out():
    chosen = json.dumps(SPACES['SupCon'][1])
    assert 'weight_decay' in chosen and 'num_classes' in chosen
    assert setting_in_words('SupCon', chosen) == 'lr=0.001, dropout=0.5'


def test_sets_lie_side_by_side():
    def on(name, **means):
        return [dict(record, set=name) for method, mean in means.items()
                for record in draws(method, mean)]

    sets, rows = overview(tables([
        *on('a', Low=.3, High=.6, labels=1.), *on('b', Low=.5, More=.7)
        ]))['10%']
    assert sets == ['a', 'b']
    assert [row[0] for row in rows] == ['Low', 'labels', 'More', 'High']
    low, best = rows[0], dict((row[0], row[1:]) for row in rows)
    assert '†' not in low[1] and '†' not in best['labels'][0]
    assert best['High'][0].endswith('†') and best['High'][1] == ''
    assert best['More'][1].startswith('.7')


def test_one_set_alone_has_no_overview():
    assert overview(tables(draws('A', .5))) == {}
