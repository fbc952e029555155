"""A gallery of two kinds, made by hand."""
import numpy as np
import pytest

from chtn_plugin.apis import Gallery
from chtn_plugin.apis.gallery_sources import item_key
from chtn_plugin.evaluation import save_embeddings
from chtn_plugin.evaluation.embeddings import Embeddings


def _item(kind, name):
    return dict(kind=kind, id=name, path=None, text='', label='')


@pytest.fixture
def gallery():
    # two pictures and two texts, mixed; lengths must not matter
    vectors = np.array([[5., 0], [0, 2], [3, 4], [0, -1]])
    return Gallery(vectors, [_item('image', 'a'), _item('text', 'b'),
                             _item('image', 'c'), _item('text', 'd')])


def test_each_kind_is_searched_by_itself(gallery):
    query = np.array([0., 7])
    found = [(pytest.approx(score), item['id']) for score, item in
             gallery.nearest(query, 9, 'image')]
    assert found == [(0.8, 'c'), (0., 'a')]
    found = [(pytest.approx(score), item['id']) for score, item in
             gallery.nearest(query, 9, 'text')]
    assert found == [(1., 'b'), (-1., 'd')]
    assert (len(gallery), gallery.count('image'), gallery.count('text')) == (
        4, 2, 2)


def test_rows_of_a_kind_are_unit_vectors_in_order(gallery):
    np.testing.assert_allclose(gallery.rows('image'), [[1, 0], [0.6, 0.8]],
                               rtol=1e-6)


def test_one_kind_alone_is_searched_for_either():
    gallery = Gallery(np.eye(2), [_item('text', 'a'), _item('text', 'b')])
    assert [item['id'] for _, item in gallery.nearest(
        np.array([0., 1]), 1, 'image')] == ['b']


@pytest.mark.parametrize('query, topk, target, said', [
    ([1., 0], 0, 'image', 'topk must be at least 1, got 0'),
    ([1., 0], 1, 'sound', "target must be one of .*got 'sound'"),
    ([1., 0, 0], 1, 'image', 'share the size D, got 3 and 2')])
def test_wrong_query_is_refused(gallery, query, topk, target, said):
    with pytest.raises(ValueError, match=said):
        gallery.nearest(np.array(query), topk, target)


def test_vectors_need_an_item_each():
    with pytest.raises(ValueError, match='got 1 and 2'):
        Gallery(np.eye(2), [_item('image', 'a')])


def test_empty_gallery_says_what_could_not_be_read():
    gallery = Gallery(np.zeros((0, 1)), [], skipped=[('x.png', 'is cut off')])
    with pytest.raises(ValueError, match='1 could not be read.*is cut off'):
        gallery.nearest(np.ones(1), 1, 'image')


def test_embeddings_of_another_model_are_refused(model, tmp_path):
    rows = np.eye(2, dtype=np.float32)
    for name, stored in (('unknown', ''), ('another', 'another')):
        save_embeddings(tmp_path / f'{name}.npz', Embeddings(
            image=rows, text=rows, image_label=np.arange(2),
            text_label=np.arange(2), classes=('bird', 'cat'),
            meta=dict(fingerprint=stored)))
    gallery = model.index(tmp_path / 'unknown.npz')
    assert 'does not say which model' in gallery.notes[0]
    assert [item['label'] for item in gallery.items] == [
        'bird', 'cat', 'bird', 'cat']
    with pytest.raises(ValueError, match='made by another'):
        model.index(tmp_path / 'another.npz')


def test_a_changed_file_has_another_key():
    item = dict(_item('image', 'a'), stamp='1:2')
    assert item_key(item) == item_key(dict(item))
    assert item_key(item) != item_key(dict(item, stamp='1:3'))


@pytest.mark.parametrize('bad', [np.nan, np.inf, 1e300])
def test_a_vector_that_is_not_finite_is_named(bad):
    rows = np.array([[1., 0], [0, 1], [0, bad]])
    items = [_item('text', name) for name in 'abc']
    with pytest.raises(ValueError, match="finite .* text 'c' .row 2. is not"):
        Gallery(rows, items, similarity='dot')
    with pytest.raises(ValueError, match='query must be finite'):
        Gallery(rows[:2], items[:2]).nearest(np.array([np.nan, 1]), 1, 'text')


def test_lengths_count_under_the_dot_product():
    gallery = Gallery(np.array([[1., 0], [3, 3]]), [_item('text', 'a'),
                                                    _item('text', 'b')],
                      similarity='dot')
    assert gallery.nearest(np.array([2., 0]), 2, 'text') == [
        (6., gallery.items[1]), (2., gallery.items[0])]


class _Short:
    """An approximate index that finds one item, as FAISS says it."""

    def search(self, queries, count):
        found = np.full((1, count), -1)
        found[0, 0] = 1
        return np.zeros((1, count), np.float32), found


def test_what_an_approximate_index_misses_is_searched_exactly():
    rows = np.eye(3)
    gallery = Gallery(rows, [_item('text', name) for name in 'abc'],
                      approximate=dict(text=_Short()))
    assert [item['id'] for _, item in gallery.nearest(rows[2], 3, 'text')
            ] == ['c', 'a', 'b']
    assert [item['id'] for _, item in gallery.nearest(rows[2], 1, 'text')
            ] == ['b']
