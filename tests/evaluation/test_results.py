"""The results file, the comparison and the TREC export."""
import numpy as np
import pytest

from chtn_plugin.evaluation import (
    Embeddings,
    compare_methods,
    format_results,
    get_protocol,
    make_results,
    read_results,
    score_embeddings,
    write_results,
    write_trec,
)
from chtn_plugin.evaluation import functional as F
from chtn_plugin.evaluation.comparison import format_comparison, load_methods
from chtn_plugin.evaluation.rank_table import rank_table

LABELS = np.arange(60) % 3


def embeddings(signal, seed=0, noise=1., items=60):
    rng = np.random.default_rng(seed)
    centres = np.eye(3)[LABELS[:items]] * signal
    image, text = rng.normal(size=(2, items, 3)) * noise + centres
    return Embeddings(image, text, LABELS[:items], LABELS[:items])


def results(signal, seed=0, protocols=('chtn-map-all',), **options):
    return make_results(score_embeddings(embeddings(signal, seed, **options),
                                         protocols), ('a', 'b', 'c'))


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


def paired(noise, seed=0, meta=None):
    """Sixty pairs; each side is the same point and noise of its own."""
    rng = np.random.default_rng(seed)
    points = np.random.default_rng(9).normal(size=(60, 4))
    image, text = points + noise * rng.normal(size=(2, 60, 4))
    keys = np.arange(60)
    return Embeddings(image, text, LABELS, LABELS, image_pair=keys,
                      text_pair=keys, meta=meta or {})


def pair_results(*args, **options):
    return make_results(score_embeddings(
        paired(*args, **options), ['pair-hit-rate@1', 'pair-median-rank']))


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


def test_markdown_names_protocol_and_correction():
    text = format_comparison(compare_methods(
        {'a': [results(1)], 'b': [results(2)]}))
    assert '### chtn-map-all, mean' in text
    assert "Holm's correction over all 3" in text


def test_refuses_to_compare_what_differs():
    with pytest.raises(ValueError, match='same queries, those of a and b'):
        compare_methods({'a': [results(1)], 'b': [results(1, items=59)]})
    with pytest.raises(ValueError, match='all results hold'):
        compare_methods({'a': [results(1)],
                         'b': [results(1, protocols=['recall@5'])]})
    with pytest.raises(ValueError, match='at least one result'):
        compare_methods({'a': []})


def test_work_directories_are_methods_and_files_are_seeds(tmp_path):
    for seed in range(2):
        write_results(tmp_path / 'chtn' / f's{seed}' / 'results.json',
                      results(1, seed))
    write_results(tmp_path / 'cca.json', results(2))
    methods = load_methods([str(tmp_path / 'chtn'),
                            str(tmp_path / 'cca.json')])
    assert {name: len(r) for name, r in methods.items()} == {
        'chtn': 2, 'cca': 1}
    named = load_methods([f'x={tmp_path}/chtn/s0,{tmp_path}/chtn/s1'])
    assert list(named) == ['x'] and len(named['x']) == 2
    with pytest.raises(ValueError, match='came twice'):
        load_methods([str(tmp_path / 'cca.json')] * 2)
    (tmp_path / 'empty').mkdir()
    with pytest.raises(FileNotFoundError, match='no results'):
        load_methods([str(tmp_path / 'empty')])


@pytest.mark.parametrize('direction', ['i2t', 'i2i'])
def test_trec_files_hold_the_same_ranking(tmp_path, direction):
    data = embeddings(1, items=20)
    run, qrels = write_trec(tmp_path, data, direction)
    scores, relevant = np.full((20, 20), -np.inf), np.zeros((20, 20), bool)
    for line in run.read_text().splitlines():
        query, _, item, _, score, _ = line.split()
        scores[int(query[1:]), int(item[1:])] = score
    for line in qrels.read_text().splitlines():
        query, _, item, grade = line.split()
        relevant[int(query[1:]), int(item[1:])] = grade == '1'
    ours = score_embeddings(data, ['chtn-map-all'], [direction])[0].values
    assert (F.average_precision(rank_table(scores, relevant)) == ours).all()


def test_trec_depth_and_split_follow(tmp_path):
    run, _ = write_trec(tmp_path, embeddings(1), 'i2t',
                        get_protocol('chtn-map-all:dot'), depth=3)
    assert len(run.read_text().splitlines()) == 60 * 3
