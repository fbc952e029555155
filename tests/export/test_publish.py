"""Publishing a method that stores training rows warns of it."""
import logging
from types import SimpleNamespace

import pytest
import torch
from closed_forms import config
from mmengine.logging import MMLogger

from chtn_plugin.apis import RetrievalInferencer
from chtn_plugin.engine.launch import build_runner
from chtn_plugin.export.publish import _names_inside, publish


def card_of(folder, method):
    cfg = config(folder, method)
    runner = build_runner(cfg)
    runner.train()
    heard = []
    handler = logging.Handler()
    handler.emit = lambda record: heard.append(record.getMessage())
    logger = MMLogger.get_current_instance()
    logger.addHandler(handler)
    path = publish(cfg.work_dir, folder / 'out', 'tiny', 'features', 'CC0-1.0')
    logger.removeHandler(handler)
    return path, (path.parent / 'README.md').read_text(), heard


@pytest.fixture(scope='module')
def asif(tmp_path_factory):
    return card_of(tmp_path_factory.mktemp('asif'), 'ASIF')


def test_card_says_that_training_rows_are_inside(asif):
    _, card, _ = asif
    assert ('**Training data inside**: ASIF answers from training rows, so '
            'the weights carry them: the vectors of 33 (fitted.image_rows), '
            '33 (fitted.text_rows).') in card


def test_it_is_said_before_the_file_is_written(asif):
    path, _, heard = asif
    assert any('Pass them on only where the data may be passed on' in line
               for line in heard)


def test_card_credits_the_methods_own_paper(asif):
    assert '[ASIF](https://arxiv.org/abs/2210.01738)' in asif[1]


def test_published_closed_form_encodes(asif):
    inferencer = RetrievalInferencer(asif[0], show_progress=False)
    encoded = inferencer.model.encode_image(torch.randn(2, 6))
    assert encoded.repr.shape == (2, 33)


def test_a_method_without_training_rows_says_nothing_of_them(tmp_path):
    _, card, heard = card_of(tmp_path, 'NearestClassMean')
    assert 'Training data inside' not in card
    assert not any('Pass them on' in line for line in heard)


def with_factors(image, text):
    return SimpleNamespace(state_dict={
        'class_prior.image_factor': torch.tensor([image]),
        'class_prior.text_factor': torch.tensor([text])})


def test_card_says_where_names_of_classes_take_part():
    line = _names_inside(with_factors(2., 0.))
    assert 'they offset the class scores of pictures, in use too' in line
    assert 'of pictures and texts' in _names_inside(with_factors(2., 1.))


def test_names_that_do_nothing_are_not_mentioned():
    assert _names_inside(with_factors(0., 0.)) == ''
    assert _names_inside(SimpleNamespace(state_dict={})) == ''
