"""Runs and judgements of other programs, scored by hand-worked values."""
import json
import math

import numpy as np
import pytest

from chtn_plugin.evaluation import (
    Embeddings,
    Qrels,
    judged_embeddings,
    read_qrels,
    read_run,
    score_embeddings,
    score_run,
    write_trec,
)

RUN = """q1 Q0 d1 1 0.9 theirs
q1 Q0 d2 2 0.8 theirs
q1 Q0 d3 3 0.7 theirs
q2 Q0 d2 1 2.5 theirs
q2 Q0 d1 2 1.5 theirs
"""
# q1: d1 and d3 of three found; q2: d1, and d9, which it did not find.
QRELS = """q1 0 d1 1
q1 0 d2 0
q1 0 d3 2
q2 0 d1 1
q2 0 d9 1
"""


@pytest.fixture
def files(tmp_path):
    (tmp_path / 'run').write_text(RUN)
    (tmp_path / 'qrels').write_text(QRELS)
    return tmp_path


def value(files, protocol, qrels='qrels', run='run'):
    score, = score_run(read_run(files / run), read_qrels(files / qrels),
                       [protocol])
    return score.value


def test_average_precision_by_hand(files):
    # q1: (1/1 + 2/3) / 2; q2: (1/2) / 2, the item not found adds nothing.
    assert value(files, 'chtn-map-all') == pytest.approx(
        ((1 + 2 / 3) / 2 + 1 / 4) / 2)


@pytest.mark.parametrize(('protocol', 'expected'), [
    ('precision@2', (1 / 2 + 1 / 2) / 2),
    ('recall@2', (1 / 2 + 1 / 2) / 2),
    ('hit-rate@1', (1 + 0) / 2),
    ('map-min@1', (1 + 0) / 2),
    ('map-relevant@2', (1 / 2 + 1 / 4) / 2),
    # Ideal gain of two relevant items: 1 + 1 / log2(3).
    ('ndcg@3', ((1 + 1 / 2) + 1 / math.log2(3))
     / (1 + 1 / math.log2(3)) / 2)])
def test_other_measures_by_hand(files, protocol, expected):
    assert value(files, protocol) == pytest.approx(expected)


def test_the_score_orders_not_the_rank_column(files):
    (files / 'other').write_text(RUN.replace('d1 1 0.9', 'd1 3 0.9'))
    assert value(files, 'hit-rate@1', run='other') == .5


def test_ties_are_a_group_or_stand_in_file_order(files):
    (files / 'tied').write_text('q1 Q0 d2 1 1 t\nq1 Q0 d1 2 1 t\n')
    (files / 'one').write_text('q1 0 d1 1\n')
    assert value(files, 'chtn-map-all', 'one', 'tied') == .5
    assert value(files, 'chtn-map-all:expected', 'one', 'tied') == .75
    assert value(files, 'chtn-map-all:stable', 'one', 'tied') == .5
    assert value(files, 'hit-rate@1', 'one', 'tied') == .5
    assert value(files, 'hit-rate@1:stable', 'one', 'tied') == 0


def test_a_judged_query_that_the_run_lacks_counts_as_0(files):
    (files / 'more').write_text(QRELS + 'q3 0 d1 1\n')
    assert value(files, 'hit-rate@1', 'more') == pytest.approx(1 / 3)


def test_queries_without_a_relevant_item_are_left_out(files):
    (files / 'more').write_text(QRELS + 'q3 0 d1 0\n')
    assert value(files, 'hit-rate@1', 'more') == .5


RELEVANT = dict(q1=['d1', 'd3'], q2=['d1', 'd9'])


@pytest.mark.parametrize('content', [
    dict(q1=dict(d1=1, d2=0, d3=2), q2=dict(d1=1, d9=1)),  # pytrec_eval, ranx
    RELEVANT,
    dict(queries=dict(q1='?', q2='?'), relevant_docs=RELEVANT,
         corpus=dict(d1='', d2='', d3='', d9=''))])
def test_json_of_other_programs_says_the_same(files, content):
    (files / 'q.json').write_text(json.dumps(content))
    (files / 'r.json').write_text(json.dumps(dict(
        q1=dict(d3=.7, d1=.9, d2=.8), q2=dict(d1=1.5, d2=2.5))))
    assert value(files, 'chtn-map-all', 'q.json', 'r.json') == value(
        files, 'chtn-map-all')


def test_figures_are_those_of_sentence_transformers():
    evaluation = pytest.importorskip('sentence_transformers.evaluation')
    rng = np.random.default_rng(0)
    items = [f'd{n}' for n in range(30)]
    relevant = {f'q{n}': set(rng.choice(items, 3, replace=False).tolist())
                for n in range(12)}
    evaluator = evaluation.InformationRetrievalEvaluator(
        {q: '?' for q in relevant}, {d: '.' for d in items}, relevant,
        map_at_k=[10], ndcg_at_k=[10], accuracy_at_k=[3],
        precision_recall_at_k=[5], show_progress_bar=False)
    scores = rng.normal(size=(12, 30))
    theirs = evaluator.compute_metrics([
        [dict(corpus_id=item, score=float(score))
         for item, score in zip(items, row, strict=True)] for row in scores])
    run = {q: dict(zip(items, row.tolist(), strict=True))
           for q, row in zip(relevant, scores, strict=True)}
    ours = [score.value for score in score_run(
        run, Qrels({q: dict.fromkeys(found, 1.)
                    for q, found in relevant.items()}, items),
        ['map-min@10', 'ndcg@10', 'hit-rate@3', 'precision@5', 'recall@5'])]
    assert ours == pytest.approx([
        theirs['map@k'][10], theirs['ndcg@k'][10], theirs['accuracy@k'][3],
        theirs['precision@k'][5], theirs['recall@k'][5]])


@pytest.fixture
def embeddings():
    rng = np.random.default_rng(1)
    return Embeddings(
        image=rng.normal(size=(6, 3)), text=rng.normal(size=(5, 3)),
        image_label=np.array([0, 1, 0, 1, 0, 1]),
        text_label=np.array([0, 1, 0, 1, 0]),
        image_id=np.array(list('abcdef')), text_id=np.array(list('vwxyz')))


@pytest.mark.parametrize('direction', ['i2t', 't2i'])
def test_what_we_write_is_read_back_to_the_same_figure(tmp_path, embeddings,
                                                       direction):
    run, qrels = write_trec(tmp_path, embeddings, direction)
    expected, = score_embeddings(embeddings, ['chtn-map-all'], [direction])
    found, = score_run(read_run(run), read_qrels(qrels), ['chtn-map-all'])
    assert found.value == pytest.approx(expected.value)
    assert found.chance_value == pytest.approx(expected.chance_value)


@pytest.mark.parametrize('direction', ['i2t', 't2i'])
def test_judgements_in_place_of_labels_give_the_same_figure(embeddings,
                                                            direction):
    sides = ('image', 'text') if direction == 'i2t' else ('text', 'image')
    (queries, asked), (items, answers) = ((
        getattr(embeddings, f'{side}_id'),
        getattr(embeddings, f'{side}_label')) for side in sides)
    qrels = Qrels({q: {d: 1. for d, b in zip(items, answers, strict=True)
                       if a == b}
                   for q, a in zip(queries, asked, strict=True)})
    expected, = score_embeddings(embeddings, ['chtn-map-all'], [direction])
    found, = score_embeddings(judged_embeddings(embeddings, qrels),
                              ['chtn-map-all'], [direction])
    assert found.value == pytest.approx(expected.value)


def test_an_id_may_stand_for_several_items():
    # Picture a has two texts; b has one.
    made = Embeddings(
        image=np.eye(2), image_id=np.array(['a', 'b']),
        text=np.array([[1., 0.], [0., 1.], [.6, .8]]),
        text_id=np.array(['one', 'two', 'one']),
        image_label=[0, 1], text_label=[0, 1, 0])
    qrels = Qrels(dict(a=dict(one=1.), b=dict(two=1.)))
    found, = score_embeddings(judged_embeddings(made, qrels),
                              ['chtn-map-all'], ['i2t'])
    expected, = score_embeddings(made, ['chtn-map-all'], ['i2t'])
    assert found.value == pytest.approx(expected.value)


def test_judgements_of_other_items_are_refused(embeddings):
    with pytest.raises(ValueError, match="no text named 'nothing'"):
        judged_embeddings(embeddings, Qrels(dict(a=dict(nothing=1.))))
    with pytest.raises(ValueError, match='need the ids'):
        judged_embeddings(Embeddings(image=np.eye(2), image_label=[0, 1]),
                          Qrels(dict(a={})))


@pytest.mark.parametrize(('name', 'text', 'message'), [
    ('run', 'q Q0 d 1 0.5\n', r'run:1 has 5 columns'),
    ('run', RUN + 'q1 Q0 d1 4 .1 t\n', r"run:6 has 'd1' again for 'q1'"),
    ('run', 'q Q0 d 1 nan t\n', r"run:1 has 'nan'"),
    ('run', '{"q": ["d"]}', "for query 'q' a list"),
    ('qrels', 'q 0 d\n', 'qrels:1 has 3 columns'),
    ('qrels', '{"q": 3}', "for query 'q' a int"),
    ('qrels', '{"relevant_docs": {"q": ["x"]}, "corpus": {"d": ""}}',
     "none named 'x', which answers 'q'")])
def test_what_is_of_another_kind_is_refused(files, name, text, message):
    (files / name).write_text(text)
    with pytest.raises(ValueError, match=message):
        (read_run if name == 'run' else read_qrels)(files / name)


def test_missing_files_are_named():
    with pytest.raises(FileNotFoundError, match='run not found: none'):
        read_run('none')


def test_other_queries_are_refused(files):
    with pytest.raises(ValueError, match=r"it has \['q1', 'q2'\]"):
        score_run(read_run(files / 'run'), Qrels(dict(x={})), ['recall@1'])


@pytest.mark.parametrize('protocol', ['pr-11', 'chtn-map-all:macro',
                                      'pair-hit-rate@1'])
def test_what_needs_more_than_a_run_is_refused(files, protocol):
    with pytest.raises(KeyError, match='without classes'):
        value(files, protocol)


def test_a_strict_protocol_needs_relevant_items(files):
    (files / 'more').write_text(QRELS + 'q3 0 d1 0\n')
    with pytest.raises(ValueError, match='1 have none, such as'):
        value(files, 'chtn-map-all:strict', 'more')
