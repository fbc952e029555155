"""A query of a text, a picture or both, on vectors of two numbers."""
from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from chtn_plugin.apis.gallery import Gallery
from chtn_plugin.apis.query import (
    Query,
    part_scale,
    query_notes,
    query_vector,
)
from chtn_plugin.apis.search_result import Hit

ROWS = dict(image=np.array([2., 0.]), text=np.array([0., 4.]))


def model(similarity):
    return SimpleNamespace(
        similarity=similarity,
        query_factors=lambda balance: torch.tensor([1 - balance, balance]))


@pytest.mark.parametrize('query, kind, words', [
    (Query('a cat'), 'text', 'a cat'),
    (Query(image='cat.jpg'), 'image', 'cat.jpg'),
    (Query(image=object()), 'image', 'picture'),
    (Query('but red', 'cat.jpg'), 'both', 'cat.jpg, but red')])
def test_a_query_has_a_kind_and_words(query, kind, words):
    assert (query.kind, query.words) == (kind, words)


def test_one_kind_has_the_whole_share():
    assert Query('a', image_weight=.25).shares == dict(text=1)
    assert Query('a', 'b', .25).shares == dict(image=.25, text=.75)


def test_nothing_is_no_query():
    with pytest.raises(ValueError, match='text or an image, got neither'):
        Query()


@pytest.mark.parametrize('weight', [-.1, 1.5, float('nan')])
def test_a_weight_outside_0_to_1_is_refused(weight):
    with pytest.raises(ValueError, match='image_weight must lie in 0 to 1'):
        Query('a', 'b', weight)


def test_under_cosine_each_side_counts_by_its_direction():
    vector = query_vector(ROWS, Query('a', 'b', .25), model('cosine'), None)
    np.testing.assert_allclose(vector, [.25, .75])


def test_under_dot_each_side_counts_by_its_length():
    vector = query_vector(ROWS, Query('a', 'b', .25), model('dot'), None)
    np.testing.assert_allclose(vector, [.5, 3])


def test_a_balance_multiplies_the_parts():
    vector = query_vector(ROWS, Query('a', 'b', .25), model('dot'), .25)
    np.testing.assert_allclose(vector, [.375, .75])


@pytest.mark.parametrize('held, asked, scale', [
    (None, .5, {}), (.25, None, {'class': 4 / 3, 'instance': 4}),
    (.25, .5, {'class': 2, 'instance': 2}), (.25, 0, {'class': 1}),
    (0, 1, {'instance': 1})])
def test_a_part_of_weight_0_has_no_figure(held, asked, scale):
    assert part_scale(held, asked) == pytest.approx(scale)


def notes(query, topk=1, fit=1., nearby=None, unknown=None):
    gallery = Gallery(np.eye(2, dtype=np.float32), [
        dict(kind='image', id=name, path=None, text='', label='')
        for name in 'ab'])
    return list(query_notes(
        query, [Hit(1, 1., 'image', 'a', parts=dict(instance=fit))], topk,
        gallery, nearby, SimpleNamespace(unknown_words=lambda text: unknown)))


def test_a_plain_query_has_no_notes():
    assert notes(Query('a cat')) == []


def test_words_that_training_never_saw_are_named():
    assert notes(Query('a cat'), unknown=(['cat'], 2)) == [
        'not in the vocabulary, and so left out: cat']
    [line] = notes(Query('a cat'), unknown=(['a', 'cat'], 2))
    assert line.startswith('no word of the query is in the vocabulary')


def test_shares_of_a_joined_query_are_told():
    assert notes(Query('a', 'b', .3)) == [
        'the query joins the picture (30%) and the text (70%)']


def test_a_best_answer_that_fits_badly_is_told():
    [line] = notes(Query('a'), fit=.2, nearby=.4)
    assert line.startswith('nothing close: the best answer fits at 0.20')
    assert '0.40 or more' in line
    assert notes(Query('a'), fit=.4, nearby=.4) == []


@pytest.mark.parametrize('query', [Query(image='b'), Query('a', 'b')])
def test_closeness_is_known_across_kinds_alone(query):
    assert not any('nothing close' in line
                   for line in notes(query, fit=.2, nearby=.4))


def test_a_gallery_smaller_than_asked_for_is_told():
    assert notes(Query('a'), topk=5) == [
        '5 were asked for, the gallery holds 2']
