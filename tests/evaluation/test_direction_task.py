"""Queries and gallery of one direction, on three images and two texts."""
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from chtn_plugin.evaluation import Embeddings, get_protocol
from chtn_plugin.evaluation.direction_task import direction_task

# Image 1 has no class, image 2 no partner.
DATA = Embeddings(
    image=np.array([[1., 0], [0, 1], [1, 1]]),
    text=np.array([[2., 0], [0, 3]]),
    image_label=np.array([0, -1, 1]), text_label=np.array([0, 1]),
    image_id=np.array(['a', 'b', 'c']), image_pair=np.array([5, 6, -1]),
    text_pair=np.array([6, 5]))


def task(direction, protocol='chtn-map-all', data=DATA):
    return direction_task(data, get_protocol(protocol), direction)


def test_queries_by_class_are_those_with_a_class():
    made = task('i2t')
    assert made.asked.tolist() == [True, False, True]
    assert made.query_ids.tolist() == ['a', 'c']
    assert made.relevance.counts().tolist() == [1, 1]


def test_items_without_a_class_are_no_gallery():
    assert task('t2i').gallery_ids.tolist() == ['a', 'c']


def test_queries_by_partner_are_those_with_one():
    made = task('i2t', 'pair-hit-rate@1')
    assert made.query_ids.tolist() == ['a', 'b']
    assert made.relevance.counts().tolist() == [1, 1]


def test_items_without_a_partner_stay_to_distract():
    assert task('t2i', 'pair-hit-rate@1').gallery_ids.tolist() == [
        'a', 'b', 'c']


def test_names_that_are_not_given_are_places():
    assert task('t2i').query_ids.tolist() == [0, 1]


def test_a_query_within_its_own_gallery_is_left_out():
    alike = replace(DATA, image_label=np.array([0, 0, 0]))
    assert task('i2i', data=alike).relevance.counts().tolist() == [2, 2, 2]


def test_a_gallery_of_its_own_is_searched_instead():
    other = Embeddings(text=np.array([[1., 0]]), text_label=np.array([0]),
                       text_id=np.array(['x']))
    made = task('i2t', data=replace(DATA, gallery=other))
    assert made.gallery_ids.tolist() == ['x']
    assert made.relevance.counts().tolist() == [1, 0]


@pytest.mark.parametrize('direction, data, error, reason', [
    ('i2x', DATA, KeyError, 'a direction must be one of .*i2x'),
    ('i2t', replace(DATA, text=None, text_label=None, text_pair=None),
     ValueError, 'needs text embeddings, got none'),
    ('i2t', replace(DATA, image_label=None), ValueError,
     'scoring needs labels')])
def test_what_cannot_be_ranked_is_refused(direction, data, error, reason):
    with pytest.raises(error, match=reason):
        task(direction, data=data)


def test_pairs_need_partners():
    with pytest.raises(ValueError, match='without image_pair'):
        task('i2t', 'pair-hit-rate@1', replace(DATA, image_pair=None))
