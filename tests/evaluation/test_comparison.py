"""Which of two methods is ahead, and whether that is established."""
from __future__ import annotations

import pytest
from scored_sets import pair_results, paired, results

from chtn_plugin.evaluation import (
    compare_methods,
    make_results,
    score_embeddings,
)
from chtn_plugin.evaluation.comparison_table import format_comparison


def test_a_clear_winner_is_established():
    compared = compare_methods({
        'weak': [results(.2, seed) for seed in range(3)],
        'strong': [results(3, seed) for seed in range(3)]})
    for pair in compared['pairs']:
        assert pair['established']
        assert pair['words'].startswith('strong is ahead of weak by')
    weak = compared['figures'][0]
    assert weak['seeds'] == 3 and weak['std'] > 0
    assert [f['direction'] for f in compared['figures'][::2]] == [
        'i2t', 't2i', 'mean']


def test_no_winner_is_said_in_words():
    compared = compare_methods({'a': [results(1, 0)], 'b': [results(1, 9)]})
    for pair in compared['pairs']:
        assert not pair['established']
        assert 'no winner is established between a and b' in pair['words']
        assert pair['p_holm'] >= pair['p']


def test_one_seed_is_said_in_words():
    compared = compare_methods({'a': [results(0)], 'b': [results(3)]})
    assert 'too few seeds' in compared['pairs'][0]['words']


def test_seeds_that_differ_as_much_establish_nothing():
    seeds = [results(signal, 0) for signal in (.5, 3)]
    others = [results(signal, 0) for signal in (1, 8)]
    pair = compare_methods({'a': seeds, 'b': others})['pairs'][0]
    assert pair['p_holm'] < .05 < pair['p_seeds']
    assert not pair['established']
    assert 'seeds differ as much' in pair['words']


def test_macro_figures_are_compared_as_what_they_are():
    name = 'chtn-map-all:macro'
    made = results(1, protocols=[name], items=50)
    compared = compare_methods({'a': [made], 'b': [results(
        2, protocols=[name], items=50)]})
    assert compared['figures'][0]['mean'] == pytest.approx(
        made['figures'][0]['value'])


def test_of_ranks_the_smaller_is_ahead():
    compared = compare_methods({'rough': [pair_results(2)],
                                'fine': [pair_results(.2)]})
    words = {(p['protocol'], p['direction']): p['words']
             for p in compared['pairs']}
    assert len(words) == 6
    assert all(text.startswith('fine is ahead of rough by')
               for text in words.values())
    difference = compared['pairs'][3]['difference']
    low, high = compared['pairs'][3]['interval']
    assert difference > 0 and low <= difference <= high
    assert f'by {difference:.1f} [{low:.1f}, {high:.1f}]' in (
        words['pair-median-rank', 'i2t'])


def test_methods_of_different_similarities_are_compared_as_asked():
    made = {kind: [make_results(score_embeddings(
        paired(.5, meta=dict(similarity=kind)), ['chtn-map-all']))]
        for kind in ('cosine', 'dot')}
    compared = compare_methods(made)
    assert [f['used'] for f in compared['figures'][:2]] == [
        ['chtn-map-all'], ['chtn-map-all:dot']]
    text = format_comparison(compared)
    assert '### chtn-map-all, i2t' in text
    assert '| dot (chtn-map-all:dot) | 1 |' in text


def test_refuses_to_compare_what_differs():
    with pytest.raises(ValueError, match='same queries, those of a and b'):
        compare_methods({'a': [results(1)], 'b': [results(1, items=59)]})
    with pytest.raises(ValueError, match='all results hold'):
        compare_methods({'a': [results(1)],
                         'b': [results(1, protocols=['recall@5'])]})
    with pytest.raises(ValueError, match='at least one result'):
        compare_methods({'a': []})
