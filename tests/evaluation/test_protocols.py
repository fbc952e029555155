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
    'chtn-map-all/wikipedia-693', 'recall@5:dot/wikipedia-462',
    'pair-hit-rate@10', 'pair-median-rank:stable:dot'])
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
    ('pr-11:expected', 'no closed form'),
    ('pair-hit-rate', 'takes a cut'),
    ('pair-median-rank@5', 'takes no cut'),
    ('pair-hit-rate@1:macro', 'asks for partners, not for classes')])
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


# Three images, five texts; images 0 and 1 have two texts each, image 2 has
# one. All on a circle, so that cosines follow the angles (degrees).
CIRCLE = dict(image_pair=np.array([0, 1, 2]),
              text_pair=np.array([0, 0, 1, 1, 2]))


def circle(image=(0, 90, 180), text=(5, 100, 85, 170, 60), **fields):
    rows = [np.stack([np.cos(np.radians(angles)), np.sin(np.radians(angles))],
                     axis=1) for angles in (image, text)]
    return Embeddings(*rows, **{**CIRCLE, **fields})


def pair_scores(embeddings, *names, directions=('i2t', 't2i')):
    return {(s.protocol.name, s.direction): s for s in score_embeddings(
        embeddings, names, directions)}


def test_pair_protocols_look_for_the_partner_itself():
    # i2t: image 0 finds text 0 first; image 1 text 2 (5 degrees) first;
    # image 2 finds texts 3, 1, 2 before its own at 120 degrees, then text 0.
    # t2i: texts 0, 2 find theirs first; text 1 (100) finds image 1 and then
    # image 2 (80) before 0 (100); text 3 (170) image 2 (10), then its own;
    # text 4 (60) image 1 (30), 0 (60), then its own.
    found = pair_scores(circle(), 'pair-hit-rate@1', 'pair-median-rank')
    assert found['pair-median-rank', 'i2t'].values.tolist() == [1, 1, 4]
    assert found['pair-median-rank', 't2i'].values.tolist() == [1, 3, 1, 2, 3]
    assert found['pair-median-rank', 'i2t'].value == 1
    assert found['pair-median-rank', 't2i'].value == 2
    assert found['pair-hit-rate@1', 'i2t'].value == 2 / 3
    assert found['pair-hit-rate@1', 't2i'].value == 2 / 5


def test_pair_protocols_need_no_labels_and_class_protocols_no_pairs():
    with pytest.raises(ValueError, match='scoring needs labels: i2t'):
        score_embeddings(circle(), ['chtn-map-all'])
    labels = dict(image_label=np.zeros(3, int), text_label=np.zeros(5, int))
    plain = circle(image_pair=None, text_pair=None, **labels)
    assert score_embeddings(plain, ['chtn-map-all'])[0].value == 1
    with pytest.raises(ValueError, match='i2t got embeddings without image_p'):
        score_embeddings(plain, ['pair-hit-rate@1'])


def test_an_item_without_partner_asks_nothing_but_stands_in_the_way():
    # Text 2, the nearest of image 1, loses its partner.
    lonely = circle(text_pair=np.array([0, 0, -1, 1, 2]))
    found = pair_scores(lonely, 'pair-median-rank')
    assert found['pair-median-rank', 'i2t'].values.tolist() == [1, 4, 4]
    t2i = found['pair-median-rank', 't2i']
    assert np.isnan(t2i.values[2]) and t2i.unlabelled == 1
    assert t2i.gallery == 3


def test_chance_of_a_hit_and_of_the_median_rank():
    found = pair_scores(circle(), 'pair-hit-rate@1', 'pair-median-rank')
    # Two of five texts, two of five, one of five.
    assert found['pair-hit-rate@1', 'i2t'].chance_value == pytest.approx(
        (2 + 2 + 1) / 15)
    # One of three images: ranks 1, 2, 3 alike.
    assert found['pair-median-rank', 't2i'].chance.tolist() == [2] * 5
    # Two of five texts: the first is at 1, 2, 3, 4 with 4, 3, 2, 1 in 10;
    # half of it lies at 2. One of five: 3.
    assert found['pair-median-rank', 'i2t'].chance.tolist() == [2, 2, 3]


def test_chance_between_two_ranks_is_their_mean():
    name = get_protocol('pair-median-rank')
    assert name.chance(np.array([1, 0]), 4)[0] == 2.5
    assert np.isnan(name.chance(np.array([1, 0]), 4)[1])


def test_a_tied_partner_has_the_mean_rank_over_the_orders():
    # Four equal texts, of which two are partners: first at (4 + 1) / 3.
    equal = Embeddings(np.ones((1, 2)), np.ones((4, 2)),
                       image_pair=np.array([0]),
                       text_pair=np.array([1, 0, 0, 1]))
    found = pair_scores(equal, 'pair-median-rank', 'pair-median-rank:stable',
                        directions=['i2t'])
    assert found['pair-median-rank', 'i2t'].value == 5 / 3
    assert found['pair-median-rank:stable', 'i2t'].value == 2


def test_within_one_modality_the_partner_is_another_item():
    both = circle(text_pair=np.array([0, 0, 1, -1, -1]))
    score = pair_scores(both, 'pair-median-rank',
                        directions=['t2t'])['pair-median-rank', 't2t']
    # Text 0 (5): 60, 85, then its partner at 100. Text 1 (100): 85, 60, 170,
    # then 5. Text 2 has no other of its pair.
    assert score.values[:2].tolist() == [3, 4]
    assert np.isnan(score.values[2:]).all()
    assert score.gallery == 4


def test_items_without_class_are_left_out_of_class_map_alone():
    labels = dict(image_label=np.array([0, 1, -1]),
                  text_label=np.array([0, 0, 1, -1, -1]))
    mixed = circle(**labels)
    known = Embeddings(mixed.image[:2], mixed.text[:3], labels['image_label'
                       ][:2], labels['text_label'][:3])
    for direction in ('i2t', 't2i', 'i2i', 't2t'):
        mine, theirs = (score_embeddings(e, ['chtn-map-all'], [direction])[0]
                        for e in (mixed, known))
        asked = len(theirs.values)
        assert np.array_equal(mine.values[:asked], theirs.values,
                              equal_nan=True)
        assert np.isnan(mine.values[asked:]).all()
        assert mine.unlabelled == len(mine.values) - asked
        assert mine.gallery == theirs.gallery
        assert -1 not in mine.by_class()
    assert pair_scores(mixed, 'pair-median-rank')[
        'pair-median-rank', 'i2t'].values.tolist() == [1, 1, 4]


def test_a_row_of_nan_is_an_item_without_class():
    labels = np.array([[1., 0], [0, 1], [np.nan, np.nan]])
    rows = np.array([[1., 0], [0, 1], [1, 1]])
    score = score_embeddings(Embeddings(rows, rows, labels, labels),
                             ['chtn-map-all'], ['i2t'])[0]
    assert score.values[:2].tolist() == [1, 1] and np.isnan(score.values[2])
    assert (score.unlabelled, score.gallery) == (1, 2)
    with pytest.raises(ValueError, match='0 or 1, row 0 holds nan'):
        Embeddings(rows, rows, np.array([[1, np.nan], [0, 1], [1, 0]]))


def test_nothing_with_a_class_gives_no_figure():
    none = circle(image_label=np.full(3, -1), text_label=np.zeros(5, int))
    scores = score_embeddings(none, ['chtn-map-all'])
    assert all(np.isnan(s.value) for s in scores)


def test_a_single_item_has_nobody_to_find_among_its_own():
    alone = Embeddings(np.ones((1, 3)), np.ones((1, 3)), [0], [0])
    assert np.isnan(score_embeddings(alone, ['chtn-map-all'],
                                     ['i2i'])[0].value)


# Which similarity counts.


def lengths(**meta):
    # By cosine the first text is nearest, by the product the second.
    return Embeddings(np.array([[1., 0]]), np.array([[1., 0], [3, 3]]),
                      np.array([1]), np.array([0, 1]), meta=meta)


@pytest.mark.parametrize('meta, protocol, name, value', [
    ({}, 'chtn-map-all', 'chtn-map-all', 1 / 2),
    (dict(similarity='cosine'), 'chtn-map-all', 'chtn-map-all', 1 / 2),
    (dict(similarity='dot'), 'chtn-map-all', 'chtn-map-all:dot', 1),
    (dict(similarity='dot'), 'chtn-map-all:cosine', 'chtn-map-all', 1 / 2),
    ({}, 'chtn-map-all:dot', 'chtn-map-all:dot', 1)])
def test_similarity_is_the_protocols_or_the_files_or_cosine(
        meta, protocol, name, value):
    score = score_embeddings(lengths(**meta), [protocol], ['i2t'])[0]
    assert (score.protocol.name, score.value) == (name, value)


def test_an_unknown_similarity_of_a_file_is_an_error():
    with pytest.raises(ValueError, match="'angle' as the similarity of the"):
        score_embeddings(lengths(similarity='angle'), ['chtn-map-all'])
