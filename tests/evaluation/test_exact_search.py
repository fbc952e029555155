import numpy as np
import pytest

from chtn_plugin.evaluation.exact_search import nearest, unit_rows


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
