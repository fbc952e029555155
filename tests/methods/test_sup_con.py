"""Supervised contrastive learning."""
import pytest
import torch
from trained_forms import batch, made, trained

from chtn_plugin.losses import supervised_contrast


def test_the_loss_is_the_contrast_of_the_projections():
    inputs, samples = batch()
    model = made('SupCon', num_classes=None, dropout=0., temperature=.3)
    terms = model.loss(inputs, samples)
    pair = model.encode_pair(**inputs)
    torch.testing.assert_close(terms['loss_contrast'], supervised_contrast(
        pair['image'].repr, pair['text'].repr, samples['label'], .3))
    assert set(terms) == {'loss_contrast'}


def test_a_classifier_may_stand_beside_it():
    inputs, samples = batch()
    assert 'loss_cls_text' in made('SupCon').loss(inputs, samples)


def test_training_draws_classes_together():
    first, last = trained(made('SupCon', num_classes=None))
    assert last['loss_contrast'] < first['loss_contrast'] - .1


def test_no_labels_are_refused():
    inputs, _ = batch()
    with pytest.raises(ValueError, match='SupCon needs labels'):
        made('SupCon', num_classes=None).loss(inputs, {})
