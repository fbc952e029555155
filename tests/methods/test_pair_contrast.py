"""Contrast of pairs, with labels and without."""
import math

import pytest
import torch
from trained_forms import batch, made, trained

from chtn_plugin.losses import info_nce


def test_without_classes_no_label_is_read():
    inputs, samples = batch()
    model = made('PairContrast', num_classes=None, dropout=0.)
    torch.testing.assert_close(model.loss(inputs, {}),
                               model.loss(inputs, samples))


def test_the_temperature_is_learnt_from_where_it_begins():
    inputs, samples = batch()
    model = made('PairContrast', dropout=0., temperature=.2)
    assert model.log_scale.item() == pytest.approx(math.log(5))
    pair = model.encode_pair(**inputs)
    terms = model.loss(inputs, samples)
    torch.testing.assert_close(terms['loss_contrast'], info_nce(
        pair['image'].repr, pair['text'].repr, 5.))
    terms['loss_contrast'].backward()
    assert model.log_scale.grad.abs() > 0


def test_the_contrast_is_weighed_against_the_cross_entropies():
    inputs, samples = batch()
    whole, tenth = (made('PairContrast', dropout=0., contrast_weight=weight)
                    .loss(inputs, samples) for weight in (1., .1))
    torch.testing.assert_close(tenth['loss_contrast'],
                               .1 * whole['loss_contrast'])
    torch.testing.assert_close(tenth['loss_cls_image'],
                               whole['loss_cls_image'])


def test_pairs_of_one_class_may_be_spared():
    inputs, samples = batch()
    plain, spared = (made('PairContrast', dropout=0., spare_class=spare).loss(
        inputs, samples)['loss_contrast'] for spare in (False, True))
    assert spared < plain  # fewer negatives


def test_training_finds_the_pair():
    first, last = trained(made('PairContrast', num_classes=None))
    assert last['loss_contrast'] < first['loss_contrast'] / 1.5


def test_refusals():
    inputs, _ = batch()
    with pytest.raises(ValueError, match='temperature must be positive'):
        made('PairContrast', temperature=0.)
    with pytest.raises(ValueError, match='contrast_weight must be positive'):
        made('PairContrast', contrast_weight=-1.)
    with pytest.raises(ValueError, match='got no labels'):
        made('PairContrast', num_classes=None, spare_class=True).loss(
            inputs, {})
