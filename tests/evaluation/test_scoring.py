"""Scores of protocols over queries, averaged by hand."""
from __future__ import annotations

import numpy as np
import pytest

from chtn_plugin.evaluation import (
    Embeddings,
    Score,
    get_protocol,
    score_embeddings,
)

NAN = float('nan')


def score(protocol='chtn-map-all', values=(1., .5, NAN, 0.),
          labels=(0, 0, 1, 2)):
    return Score(get_protocol(protocol), 'i2t', np.arange(len(values)),
                 np.array(values), np.full(len(values), .25),
                 None if labels is None else np.array(labels), 0., 4)


def test_the_figure_leaves_out_what_has_no_answer():
    assert score().value == .5
    assert score().answered.tolist() == [True, True, False, True]
    assert score().chance_value == .25


def test_a_macro_figure_counts_each_class_once():
    # Class 0 has .75, class 2 has 0; class 1 has no answered query.
    assert score('chtn-map-all:macro').value == .375
    assert score().by_class() == {0: .75, 2: 0.}


def test_a_median_is_no_mean():
    assert score('pair-median-rank', (1., 2., 9.), None).value == 2


@pytest.mark.filterwarnings('error')
@pytest.mark.parametrize('labels', [None, (0, 1)])
@pytest.mark.parametrize('protocol', ['chtn-map-all', 'chtn-map-all:macro'])
def test_without_an_answer_there_is_no_figure(protocol, labels):
    assert np.isnan(score(protocol, (NAN, NAN), labels).value)


def test_labels_of_several_columns_name_the_classes():
    several = score(values=(1., 0.), labels=((1, 1), (0, 1)))
    assert several.by_class() == {0: 1., 1: .5}


def test_the_very_ranking_is_scored():
    # Query 0 finds its text second, query 1 its own first: 1/2 and 1.
    data = Embeddings(image=np.array([[0., 1], [0, 1]]),
                      text=np.array([[1., 0], [0, 1]]),
                      image_label=np.array([0, 1]),
                      text_label=np.array([0, 1]))
    made, = score_embeddings(data, ['chtn-map-all'], ['i2t'])
    assert made.values.tolist() == [.5, 1.]
    assert made.gallery == 2


def test_the_similarity_is_the_embeddings_own_unless_named():
    # By dot product the long text of class 1 comes first, by cosine not.
    data = Embeddings(image=np.array([[1., 0]]),
                      text=np.array([[1., 0], [9, 9]]),
                      image_label=np.array([0]), text_label=np.array([0, 1]),
                      meta=dict(similarity='dot'))
    own, cosine = score_embeddings(
        data, ['chtn-map-all', 'chtn-map-all:cosine'], ['i2t'])
    assert (own.value, cosine.value) == (.5, 1.)
    assert own.asked == 'chtn-map-all'
    assert own.protocol.name == 'chtn-map-all:dot'


def test_an_unknown_protocol_is_named():
    with pytest.raises(KeyError, match='map-of-mine'):
        score_embeddings(Embeddings(), ['map-of-mine'])
