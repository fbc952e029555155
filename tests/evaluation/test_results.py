"""The results file."""
from __future__ import annotations

import numpy as np
import pytest
from scored_sets import pair_results, results

from chtn_plugin.evaluation import (
    Embeddings,
    format_results,
    make_results,
    read_results,
    score_embeddings,
    write_results,
)


def test_file_holds_what_was_scored(tmp_path):
    path = tmp_path / 'results.json'
    made = results(1, protocols=['chtn-map-all', 'pr-11', 'recall@5:macro'])
    write_results(path, made)
    read = read_results(path)
    assert read == made
    i2t = read['figures'][0]
    assert (i2t['protocol'], i2t['direction']) == ('chtn-map-all', 'i2t')
    values = read['per_query']['chtn-map-all']['i2t']
    assert np.mean(values) == i2t['value']
    assert i2t['interval'][0] < i2t['value'] < i2t['interval'][1]
    assert list(i2t['per_class']) == ['a', 'b', 'c']
    mean = read['figures'][2]
    assert mean['direction'] == 'mean'
    assert mean['value'] == (i2t['value'] + read['figures'][1]['value']) / 2


def test_queries_without_answer_are_null(tmp_path):
    lonely = Embeddings(np.eye(3), np.eye(3), np.array([0, 1, 5]),
                        np.array([0, 1, 1]))
    made = make_results(score_embeddings(lonely, ['chtn-map-all'], ['i2t']))
    assert made['per_query']['chtn-map-all']['i2t'][2] is None
    assert made['figures'][0]['unanswerable'] == 1
    write_results(tmp_path / 'results.json', made)


def test_table_names_the_protocol_in_every_line():
    lines = format_results(results(1)).split('\n')
    assert all(line.startswith('chtn-map-all ') for line in lines[1:])
    assert 'chance' in lines[0]


def test_refuses_a_file_of_something_else(tmp_path):
    path = tmp_path / 'results.json'
    path.write_text('{}')
    with pytest.raises(ValueError, match='schema chtn_plugin.results/1'):
        read_results(path)
    path.write_text('{')
    with pytest.raises(ValueError, match='no JSON'):
        read_results(path)


def test_the_median_is_what_a_median_protocol_reports():
    made = pair_results(.5)
    for figure in made['figures'][3:5]:
        ranks = made['per_query']['pair-median-rank'][figure['direction']]
        assert figure['value'] == np.median(ranks)
        assert figure['interval'][0] <= figure['value'] <= (
            figure['interval'][1])
        assert figure['chance'] == 30.5 and figure['lower_is_better']
    line = format_results(made).splitlines()[4].split()
    assert line[:3] == ['pair-median-rank', 'i2t',
                        f'{made["figures"][3]["value"]:.1f}']
