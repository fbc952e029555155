"""Names of protocols and splits."""
import numpy as np
import pytest

from chtn_plugin.evaluation import (
    Embeddings,
    all_protocols,
    get_protocol,
    known_names,
    rank_table,
    score_embeddings,
)
from chtn_plugin.evaluation.splits import SPLITS

WIKIPEDIA = np.repeat(np.arange(10), SPLITS['wikipedia-693'].class_counts)


@pytest.mark.parametrize('name', [
    'chtn-map-all', 'chtn-map-all:stable', 'precision@10',
    'ndcg', 'ndcg@5', 'map-min@50:expected:euclidean:macro:strict',
    'chtn-map-all/wikipedia-693', 'recall@5:dot/wikipedia-462'])
def test_a_name_reads_back(name):
    assert get_protocol(name).name == name


def test_all_names_are_different_and_read_back():
    names = [p.name for p in all_protocols((1, 10))]
    assert len(set(names)) == len(names)
    assert [get_protocol(n).name for n in names] == names


@pytest.mark.parametrize('name, message', [
    ('map', 'chtn-map-all, acmr-map-hits@K'),
    ('precision', 'takes a cut'),
    ('map-at-r@5', 'takes no cut'),
    ('precision@0', 'whole number from 1'),
    ('precision@5.5', 'whole number from 1'),
    ('chtn-map-all:fair', "got 'fair'"),
    ('chtn-map-all/wikipedia', 'wikipedia-693, wikipedia-462'),
    ('pr-11:expected', 'no closed form')])
def test_an_unknown_name_lists_the_known(name, message):
    with pytest.raises(KeyError, match=message):
        get_protocol(name)


def test_every_formula_says_what_it_is():
    assert all(p.summary for p in all_protocols())
    assert 'ndcg[@K]' in known_names()


def wikipedia(rows, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.permutation(WIKIPEDIA)[:rows]
    features = rng.normal(size=(2, rows, 4))
    return Embeddings(*features, labels, labels)


def test_split_of_462_is_the_end_of_the_693():
    whole = wikipedia(693)
    last = slice(231, None)
    cut = whole.select(last, last)
    name = 'chtn-map-all/wikipedia-462'
    from_whole, from_cut = (score_embeddings(e, [name], ['i2t'])[0]
                            for e in (whole, cut))
    assert from_whole.value == from_cut.value
    assert len(from_whole.values) == 462
    assert from_whole.protocol.name == name


def test_split_refuses_other_items():
    with pytest.raises(ValueError, match='wikipedia-693 has 693 items'):
        score_embeddings(wikipedia(692), ['chtn-map-all/wikipedia-693'])
    labels = np.arange(693) % 10
    wrong = Embeddings(np.ones((693, 2)), np.ones((693, 2)), labels, labels)
    with pytest.raises(ValueError, match=r'\(34, 88, 96'):
        score_embeddings(wrong, ['chtn-map-all/wikipedia-693'])


def test_queries_without_answer_are_left_out_and_counted_or_refused():
    lonely = Embeddings(np.eye(3), np.eye(3), np.array([0, 1, 5]),
                        np.array([0, 1, 1]))
    score = score_embeddings(lonely, ['chtn-map-all'], ['i2t'])[0]
    assert score.answered.tolist() == [True, True, False]
    assert score.value == np.mean([1, 1 / 2 * (1 + 2 / 3)])
    with pytest.raises(ValueError, match=r'1 have none, such as \[2\]'):
        score_embeddings(lonely, ['chtn-map-all:strict'], ['i2t'])


def test_macro_weighs_classes_alike():
    # Class 0: two queries of AP 1. Class 1: one query of AP 1/3.
    image = np.array([[1., 0], [1, .1], [1, 0]])
    text = np.array([[1., 0], [1, .1], [-1, 0]])
    labels = np.array([0, 0, 1])
    plain, macro = score_embeddings(
        Embeddings(image, text, labels, labels),
        ['chtn-map-all', 'chtn-map-all:macro'], ['i2t'])
    assert plain.value == pytest.approx((1 + 1 + 1 / 3) / 3)
    assert macro.value == pytest.approx((1 + 1 / 3) / 2)
    assert macro.by_class() == {0: 1, 1: pytest.approx(1 / 3)}


def test_separate_gallery_and_missing_modality():
    query = Embeddings(np.eye(2), np.eye(2), np.arange(2), np.arange(2),
                       gallery=Embeddings(text=np.eye(2)[[1, 0, 1]],
                                          text_label=np.array([1, 0, 0])))
    score = score_embeddings(query, ['chtn-map-all'], ['i2t'])[0]
    # Query 0 finds item 1 first; item 2 ties with item 0 behind it.
    assert score.values[0] == (1 + 2 / 3) / 2
    assert score.gallery == 3
    with pytest.raises(ValueError, match='t2i needs image'):
        score_embeddings(query, ['chtn-map-all'], ['t2i'])
    with pytest.raises(KeyError, match='i2t, t2i, i2i, t2t'):
        score_embeddings(query, ['chtn-map-all'], ['i2v'])


def test_curves_agree_with_their_definition():
    rng = np.random.default_rng(0)
    image, text = rng.normal(size=(2, 12, 3))
    labels = np.arange(12) % 3
    full, eleven, precision = score_embeddings(
        Embeddings(image, text, labels, labels),
        ['pr-full', 'pr-11', 'precision@5'], ['i2t'])
    at = full.curve['rank'].index(5)
    assert full.curve['precision'][at] == pytest.approx(precision.value)
    assert full.curve['recall'][at] == pytest.approx(precision.value * 5 / 4)
    assert full.curve['recall'][-1] == pytest.approx(1)
    assert eleven.value == pytest.approx(np.mean(eleven.curve['precision']))
    assert eleven.curve['recall'] == pytest.approx(np.arange(11) / 10)


def test_tie_rules_bracket_nothing_when_there_are_no_ties():
    table = rank_table([[3, 2, 1]], [[0, 1, 1]])
    values = [get_protocol(f'chtn-map-all:{rule}').values(table)[0]
              for rule in ('group', 'stable', 'expected')]
    assert values == [(1 / 2 + 2 / 3) / 2] * 3


def test_saturated_scores_depend_on_file_order_only_if_asked_to():
    # One-hot answers: everything of the predicted class ties.
    labels = np.array([0, 0, 1, 1])
    rows = np.eye(2)[[0, 0, 0, 1]]
    values = {}
    for order in ([0, 1, 2, 3], [2, 1, 0, 3]):
        scores = score_embeddings(
            Embeddings(rows[:1], rows[order], labels[:1], labels[order]),
            ['chtn-map-all', 'chtn-map-all:stable',
             'chtn-map-all:expected'], ['i2t'])
        for score in scores:
            values.setdefault(score.protocol.name, set()).add(
                round(score.value, 12))
        assert scores[0].tie_share == 1
    # Three tied, two of them relevant: 2/3 as a group; in file order 1 or
    # (1/2 + 2/3) / 2; all orders: (1 + 5/6 + 7/12) / 3.
    assert values == {
        'chtn-map-all': {round(2 / 3, 12)},
        'chtn-map-all:stable': {1., round(7 / 12, 12)},
        'chtn-map-all:expected': {round((1 + 5 / 6 + 7 / 12) / 3, 12)}}
