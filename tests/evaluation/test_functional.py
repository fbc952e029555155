"""Rankings worked out by hand."""
import numpy as np
import pytest
from slow_reference import all_orders, measure, ranked_hits
from slow_reference import average_precision as slow_average_precision

from chtn_plugin.evaluation import functional as F
from chtn_plugin.evaluation import get_protocol, rank_table
from chtn_plugin.evaluation.protocols import FORMULAS

# Ranked by score: relevant, not, relevant, not, not, relevant.
# Precisions at the relevant items: 1/1, 2/3, 3/6.
SCORES = [[.9, .5, .1, -.2, -.3, -.8]]
RELEVANT = [[1, 0, 1, 0, 0, 1]]


def value(name, scores=SCORES, relevant=RELEVANT):
    protocol = get_protocol(name)
    table = rank_table(np.array(scores), np.array(relevant, dtype=bool),
                       protocol.ties)
    return protocol.values(table)[0]


@pytest.mark.parametrize('name, expected', [
    ('chtn-map-all', (1 + 2 / 3 + 3 / 6) / 3),
    ('pr-full', (1 + 2 / 3 + 3 / 6) / 3),
    ('acmr-map-hits@4', (1 + 2 / 3) / 2),
    ('map-relevant@4', (1 + 2 / 3) / 3),
    ('map-min@4', (1 + 2 / 3) / 3),
    ('map-min@2', 1 / 2),
    ('torchcmh-map-first@2', (1 + 2 / 3) / 2),
    ('torchcmh-map-first@9', (1 + 2 / 3 + 3 / 6) / 3),
    ('map-at-r', (1 + 2 / 3) / 3),
    ('hit-rate@1', 1),
    ('recall@1', 1 / 3),
    ('recall@3', 2 / 3),
    ('precision@4', 2 / 4),
    ('precision@10', 3 / 10),
    ('ndcg@3', (1 + 1 / 2) / (1 + 1 / np.log2(3) + 1 / 2)),
    ('ndcg', (1 + 1 / 2 + 1 / np.log2(7)) / (1 + 1 / np.log2(3) + 1 / 2)),
    # Recall 1/3, 2/3, 1 with best precisions 1, 2/3, 1/2: levels
    # 0 to .3 take the first, .4 to .6 the second, .7 to 1 the third.
    ('pr-11', (4 * 1 + 3 * 2 / 3 + 4 / 2) / 11),
])
def test_formula_on_a_ranking_worked_out_by_hand(name, expected):
    assert value(name) == pytest.approx(expected, abs=1e-15)


def test_one_ranking_has_six_values_called_map():
    names = ['chtn-map-all', 'acmr-map-hits@2', 'map-relevant@2',
             'map-min@2', 'torchcmh-map-first@2', 'map-at-r']
    assert len({round(value(name), 6) for name in names}) == 6


def test_tied_group_counts_as_one():
    # Best score held by a relevant and two irrelevant items: precision 1/3
    # whatever their order; then a relevant item: 2/4.
    for relevant in ([1, 0, 0, 1], [0, 0, 1, 1]):
        assert value('chtn-map-all', [[1, 1, 1, 0]],
                     [relevant]) == pytest.approx((1 / 3 + 2 / 4) / 2)


def test_stable_rule_follows_the_file_as_the_release_sorts():
    # MATLAB's descending sort leaves ties in file order.
    first, last = [1, 0, 0, 1], [0, 0, 1, 1]
    name = 'chtn-map-all:stable'
    assert value(name, [[1, 1, 1, 0]], [first]) == (1 + 2 / 4) / 2
    assert value(name, [[1, 1, 1, 0]], [last]) == (1 / 3 + 2 / 4) / 2


def test_expected_rule_is_the_mean_over_orders():
    # The relevant one stands first, second or third: 1, 1/2 or 1/3.
    assert value('chtn-map-all:expected', [[1, 1, 1, 0]],
                 [[1, 0, 0, 1]]) == pytest.approx(
        ((1 + 1 / 2 + 1 / 3) / 3 + 2 / 4) / 2)


def test_without_a_hit_in_the_top_acmr_gives_0():
    assert value('acmr-map-hits@1', [[2, 1]], [[0, 1]]) == 0


def test_query_without_relevant_item_has_no_value():
    for base, formula in FORMULAS.items():
        name = f'{base}@2' if formula.takes_cut else base
        assert np.isnan(value(name, [[2, 1]], [[0, 0]]))


def test_everything_tied_gives_the_share_of_relevant_items():
    assert value('chtn-map-all', [[0] * 5], [[1, 1, 0, 0, 0]]) == 2 / 5


@pytest.mark.parametrize('ties', ['group', 'stable', 'expected'])
@pytest.mark.parametrize('base', FORMULAS)
def test_every_formula_agrees_with_its_slow_reading(base, ties):
    if base == 'pr-11' and ties == 'expected':
        pytest.skip('has no closed form, and is refused')
    rng = np.random.default_rng(0)
    for _ in range(40):
        # At most six items: every order of the ties can be tried.
        size = rng.integers(1, 7)
        scores = rng.integers(-1, 2, size).astype(float)
        relevant = rng.random(size) < .5
        if ties == 'group':
            scores = rng.permutation(size) - 2.  # no ties: all rules agree
        if not relevant.any():
            relevant[0] = True
        takes_cut = FORMULAS[base].takes_cut
        for cut in (1, 2, 4) if takes_cut is not False else (None,):
            name = base if cut is None else f'{base}@{cut}'
            orders = ([ranked_hits(scores, relevant)] if ties != 'expected'
                      else all_orders(scores, relevant))
            expected = np.mean([measure(hits, base, cut)
                                for hits in orders])
            assert value(f'{name}:{ties}', [scores], [relevant]) == (
                pytest.approx(expected, abs=1e-12)), (name, scores, relevant)


@pytest.mark.parametrize('cut', [None, 1, 3, 10])
@pytest.mark.parametrize('divide_by', ['relevant', 'min', 'hits'])
def test_average_precision_with_ties_agrees_with_a_double_loop(
        cut, divide_by):
    rng = np.random.default_rng(1)
    scores = rng.integers(-3, 4, (30, 25)).astype(float)
    relevant = rng.random((30, 25)) < .3
    table = rank_table(scores, relevant)
    fast = F.average_precision(table, cut, divide_by)
    slow = [slow_average_precision(s, r, cut, divide_by)
            for s, r in zip(scores, relevant, strict=True)]
    np.testing.assert_allclose(fast, slow, atol=1e-14)


def test_average_precision_agrees_with_scikit_learn():
    metrics = pytest.importorskip('sklearn.metrics')
    rng = np.random.default_rng(2)
    scores = np.round(rng.normal(size=(20, 200)), 1)
    relevant = rng.random((20, 200)) < .1
    fast = F.average_precision(rank_table(scores, relevant))
    slow = [metrics.average_precision_score(r, s)
            for s, r in zip(scores, relevant, strict=True)]
    np.testing.assert_allclose(fast, slow, atol=1e-14)


def test_chance_is_the_mean_over_all_rankings():
    protocol = get_protocol('acmr-map-hits@3')
    orders = all_orders([0] * 6, [1, 1, 0, 0, 0, 0])
    assert protocol.chance(np.array([2]), 6)[0] == pytest.approx(
        np.mean([measure(hits, 'acmr-map-hits', 3) for hits in orders]))


def test_chance_on_the_wikipedia_test_set_is_as_established():
    classes = np.array([34, 88, 96, 85, 65, 58, 51, 41, 71, 104])
    chance = get_protocol('chtn-map-all').chance(
        np.repeat(classes, classes), 693).mean()
    assert round(chance, 3) == .118


def test_table_refuses_nan_and_other_shapes():
    with pytest.raises(ValueError, match='NaN found for query 1'):
        rank_table([[0, 1], [np.nan, 1]], [[1, 0], [1, 0]])
    with pytest.raises(ValueError, match=r'\(1, 2\) and \(1, 3\)'):
        rank_table([[0, 1]], [[1, 0, 1]])
    with pytest.raises(ValueError, match='group, stable, expected'):
        rank_table([[0, 1]], [[1, 0]], ties='best')
