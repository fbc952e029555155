"""Where in a picture a text or a class is found, by a tiny run."""
from __future__ import annotations

import numpy as np
import pytest
from tiny_run import write_run

from chtn_plugin.apis import RetrievalInferencer
from chtn_plugin.apis.picture_map import layers_with_places, picture_map


@pytest.fixture(scope='module')
def model(tmp_path_factory):
    return RetrievalInferencer(write_run(tmp_path_factory.mktemp('map')),
                               'cpu')


@pytest.fixture(scope='module')
def image(model):
    return model.run.path.parents[1] / 'data/images/1.png'


def test_the_score_is_the_similarity_that_search_has(model, image):
    found, picture, said = picture_map(model, image, 'cat word1')
    image_row, text_row = (model.encode_images(image)[0],
                           model.encode_texts('cat word1')[0])
    assert found.score == pytest.approx(
        image_row @ text_row / np.linalg.norm(image_row)
        / np.linalg.norm(text_row), rel=1e-5)
    assert said == "cosine to 'cat word1'"
    assert picture.shape == (8, 8, 3) and picture.dtype == np.uint8
    assert found.values.shape == (4, 4)
    assert 0 <= float(found.values.min()) and float(found.values.max()) <= 1


def test_without_a_text_it_is_of_the_class_it_is_taken_for(model, image):
    likely = model.class_probabilities(image)[0]
    _, _, said = picture_map(model, image)
    assert said == f'logit of {model.classes[likely.argmax()]}'
    assert picture_map(model, image, category='cat')[2] == 'logit of cat'
    assert picture_map(model, image, category='0')[2] == 'logit of bird'


def test_refuses_a_class_that_is_none_and_both_at_once(model, image):
    with pytest.raises(ValueError, match="a class must be one of .*'dog'"):
        picture_map(model, image, category='dog')
    with pytest.raises(ValueError, match='not of both'):
        picture_map(model, image, 'a', 'cat')


def test_layers_of_the_picture_network_can_be_named(model, image):
    names = list(layers_with_places(model, image))
    assert all('text' not in name for name in names)
    assert picture_map(model, image, 'a', layers=names[:1])[0].layers == (
        names[0], )
