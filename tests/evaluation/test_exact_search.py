import numpy as np
import pytest

from chtn_plugin.evaluation import exact_search
from chtn_plugin.evaluation.exact_search import (
    comparable_rows,
    longest_row,
    nearest,
    unit_rows,
)


def test_ties_stand_in_gallery_order():
    gallery = unit_rows(np.array([[1, 0], [0, 1], [2, 0], [3, 0]]))
    scores, places = nearest(unit_rows(np.array([[1., 0]])), gallery, 3)
    assert places.tolist() == [[0, 2, 3]]
    assert scores.tolist() == [[1, 1, 1]]


@pytest.mark.parametrize('order', ['C', 'F'])
@pytest.mark.parametrize('items', [50, 64, 1000])
@pytest.mark.parametrize('topk', [1, 7, 50, 200])
def test_equals_a_whole_sort(items, topk, order):
    draw = np.random.default_rng(0)
    # few distinct rows, so that the cut falls into ties
    gallery = np.asarray(unit_rows(draw.integers(-1, 2, (items, 3))),
                         order=order)
    queries = unit_rows(draw.normal(size=(9, 3)))
    scores, places = nearest(queries, gallery, topk)
    for query, value, place in zip(queries, scores, places, strict=True):
        whole = (gallery.astype(float) * query).sum(1).astype(np.float32)
        right = sorted(range(items), key=lambda i: (-whole[i], i))[:topk]
        assert place.tolist() == right
        assert np.array_equal(value, whole[right])


@pytest.mark.parametrize('order', ['C', 'F'])
@pytest.mark.parametrize('size', [20, 128, 2048])
def test_equal_rows_score_alike_wherever_they_stand(size, order):
    # a matrix product gives some of them another last digit
    draw = np.random.default_rng(0)
    row, query = unit_rows(draw.normal(size=(2, size)))
    gallery = np.asarray(np.tile(row, (1003, 1)), order=order)
    scores, places = nearest(query[None], gallery, 9)
    assert places.tolist() == [list(range(9))]
    assert len(np.unique(scores)) == 1


def test_zero_row_scores_zero():
    scores, _ = nearest(unit_rows(np.zeros((1, 2))),
                        unit_rows(np.ones((3, 2))), 1)
    assert scores.tolist() == [[0]]


def test_empty_gallery_gives_nothing():
    scores, places = nearest(np.ones((2, 3), np.float32),
                             np.zeros((0, 3), np.float32), 5)
    assert scores.shape == places.shape == (2, 0)


def test_refuses_other_size_and_no_results():
    with pytest.raises(ValueError, match=r'\(1, 2\) and \(1, 3\)'):
        nearest(np.ones((1, 2)), np.ones((1, 3)), 1)
    with pytest.raises(ValueError, match='topk'):
        nearest(np.ones((1, 2)), np.ones((1, 2)), 0)


def whole_sort(queries, gallery, topk):
    scores, places = [], []
    for query in queries.astype(float):
        whole = (gallery.astype(float) * query).sum(1).astype(np.float32)
        order = np.argsort(-whole, kind='stable')[:topk]
        scores.append(whole[order])
        places.append(order)
    return np.array(scores), np.array(places)


@pytest.mark.parametrize('order', ['C', 'F'])
@pytest.mark.parametrize('queries', [1, 2, 130])
@pytest.mark.parametrize('topk', [1, 10, 60, 900])
def test_blocks_and_tiles_find_what_a_whole_sort_finds(
        monkeypatch, order, queries, topk):
    monkeypatch.setattr(exact_search, '_COLUMNS', 300)
    draw = np.random.default_rng(0)
    # integers, so that every product is exact and many tie
    gallery = np.asarray(draw.integers(-3, 4, (1000, 4)), np.float32,
                         order=order)
    asked = draw.integers(-3, 4, (queries, 4)).astype(np.float32)
    scores, places = nearest(asked, gallery, topk)
    right = whole_sort(asked, gallery, topk)
    assert np.array_equal(places, right[1])
    assert np.array_equal(scores, right[0])


@pytest.mark.parametrize('most', [1, 50, 2**21])
def test_too_many_ties_are_searched_in_smaller_blocks(monkeypatch, most):
    monkeypatch.setattr(exact_search, '_MOST_CANDIDATES', most)
    gallery = unit_rows(np.ones((500, 3)))
    scores, places = nearest(unit_rows(np.ones((9, 3))), gallery, 4)
    assert places.tolist() == [[0, 1, 2, 3]] * 9
    assert len(np.unique(scores)) == 1


@pytest.mark.parametrize('queries', [1, 20])
def test_lengths_count_under_the_dot_product(queries):
    draw = np.random.default_rng(3)
    rows = draw.normal(size=(3000, 16)) * np.exp(draw.normal(
        0, 3, (3000, 1)))
    gallery = comparable_rows(rows, 'dot')
    assert np.array_equal(gallery, rows.astype(np.float32))
    asked = (draw.normal(size=(queries, 16)) * 50).astype(np.float32)
    scores, places = nearest(asked, gallery, 12)
    right = whole_sort(asked, gallery, 12)
    assert np.array_equal(places, right[1])
    np.testing.assert_allclose(scores, right[0], rtol=1e-6)


@pytest.mark.parametrize('queries', [1, 3])
def test_rounding_of_long_rows_hides_no_neighbour(queries):
    # float32 sums 1e6 + 0.01 k - 1e6 to steps of 1/16; the best is last.
    gallery = np.zeros((200, 3), np.float32)
    gallery[:, 0], gallery[:, 1] = 1e6, -1e6
    gallery[:, 2] = np.arange(200) / 100
    asked = np.ones((queries, 3), np.float32)
    _, places = nearest(asked, gallery, 2)
    assert places.tolist() == [[199, 198]] * queries


def test_the_longest_row_is_looked_for_piece_by_piece(monkeypatch):
    monkeypatch.setattr(exact_search, '_MOST_NUMBERS', 4)
    assert longest_row(np.array([[3., 4], [0, 1], [6, 8], [1, 1]])) == 10
    assert longest_row(np.zeros((0, 2))) == 0


@pytest.mark.parametrize('scale', [1, 1e-25, 1e20, 1e-300, 1e200])
def test_unit_rows_of_any_length_have_length_1(scale):
    rows = np.random.default_rng(0).normal(size=(2, 6))
    unit = unit_rows(rows * scale)
    assert unit.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(unit, unit_rows(rows), rtol=1e-6)
    single = unit_rows((rows * min(max(scale, 1e-30), 1e30)).astype(
        np.float32))
    np.testing.assert_allclose(single, unit, rtol=1e-6)


@pytest.mark.parametrize('where', ['query', 'gallery'])
@pytest.mark.parametrize('queries', [1, 4])
def test_what_is_not_finite_is_refused_by_row(where, queries):
    asked, gallery = np.ones((queries, 2)), np.ones((9, 2))
    dict(query=asked, gallery=gallery)[where][-1, 0] = np.nan
    row = dict(query=queries - 1, gallery=8)[where]
    with pytest.raises(ValueError, match=f'{where} vectors must be finite, '
                                         f'row {row} holds NaN'):
        nearest(asked.astype(np.float32), gallery.astype(np.float32), 3)


def test_products_beyond_float32_are_refused():
    with pytest.raises(ValueError, match='must fit float32'):
        nearest(np.full((2, 2), 1e25, np.float32),
                np.full((5, 2), 1e25, np.float32), 1)


@pytest.mark.parametrize('slow', ['numpy', 'torch'])
def test_the_faster_of_two_products_is_kept(monkeypatch, slow):
    product = exact_search._FasterProduct()
    monkeypatch.setattr(product, '_LEAST', 1)
    clock = iter(range(10**6))

    def now():
        # Between two calls a slow product takes a hundred ticks.
        if product._least_tried() == slow:
            for _ in range(99):
                next(clock)
        return next(clock)

    monkeypatch.setattr(exact_search.time, 'perf_counter', now)
    queries, tile = np.eye(3, 4, dtype=np.float32), np.ones(
        (5, 4), np.float32)
    for _ in range(10):
        out = np.zeros((3, 5), np.float32)
        product(queries, tile, out)
        assert (out == 1).all()
    assert product._chosen == ({'numpy', 'torch'} - {slow}).pop()


def test_small_products_choose_nothing():
    product = exact_search._FasterProduct()
    for _ in range(20):
        product(np.ones((2, 3), np.float32), np.ones((4, 3), np.float32),
                np.zeros((2, 4), np.float32))
    assert product._chosen == ''
