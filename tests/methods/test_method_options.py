"""Options that code writes build the methods that they are meant for."""
from __future__ import annotations

import pytest
from mmengine.registry import MODELS

from chtn_plugin.methods.method_options import (
    NO_SOURCE,
    ready_features,
    source_domain,
)


@pytest.mark.parametrize('method', ['CHTN', 'DSCMR', 'SemanticMatching'])
def test_every_method_takes_vectors_of_the_sizes_named(method):
    more = NO_SOURCE if method == 'CHTN' else {}
    made = MODELS.build(dict(type=method, num_classes=2, **more,
                             **ready_features(method, 5, 7)))
    towers = made.towers()
    assert towers['image'].out_features == 5
    assert towers['text'].out_features == 7


def test_only_chtn_takes_the_size_of_images_itself():
    assert ready_features('CHTN', 5, 7)['input_shape'] == (5, )
    assert ready_features('DSCMR', 5, 7)['trunk'] == dict(input_shape=(5, ))


def test_without_a_source_there_is_none():
    made = MODELS.build(dict(type='CHTN', num_classes=2, **NO_SOURCE,
                             **ready_features('CHTN', 5, 7)))
    assert made.source_pathway is None
    assert made.check_source(dict(num_source_classes=3)) is None


def test_a_source_of_more_classes_than_said_does_not_fit():
    made = MODELS.build(dict(type='CHTN', num_classes=2, **source_domain(3),
                             **ready_features('CHTN', 5, 7)))
    assert made.check_source(dict(num_source_classes=3)) is None
    assert 'the model has 3, the source 4' in made.check_source(
        dict(num_source_classes=4))


def test_the_number_of_source_classes_may_be_left_open():
    assert 'num_source_classes' not in source_domain()
