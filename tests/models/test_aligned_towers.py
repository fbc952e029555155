"""Towers that share a space, without training."""
from __future__ import annotations

import pytest
import torch

from chtn_plugin.models import AlignedTowers

_IMAGE = dict(backbone=None, input_shape=(3, ))
_TEXT = dict(type='VectorTextEncoder', out_features=3, norm=None)


def test_ready_vectors_pass_as_they_are():
    model = AlignedTowers(_IMAGE, _TEXT)
    rows = torch.tensor([[1., 2., 3.]])
    assert torch.equal(model.encode_image(rows).repr, rows)
    assert torch.equal(model.encode_text(rows).repr, rows)
    assert model.encode_text(rows).logits is None
    assert set(model.towers()) == {'image', 'text'}


@pytest.mark.parametrize('options, message', [
    (dict(), 'got neither'),
    (dict(trunk=_IMAGE, text_encoder=dict(_TEXT, out_features=4)),
     'images end in 3 numbers, texts in 4')])
def test_towers_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        AlignedTowers(**options)


def test_one_tower_refuses_the_other_kind():
    with pytest.raises(ValueError, match='take no pictures'):
        AlignedTowers(text_encoder=_TEXT).encode_image(torch.ones(1, 3))
    with pytest.raises(ValueError, match='take no texts'):
        AlignedTowers(trunk=_IMAGE).encode_text(torch.ones(1, 3))


def test_it_is_not_trained():
    with pytest.raises(ValueError, match='used as they are'):
        AlignedTowers(_IMAGE, _TEXT).loss({}, {})
