"""Adversarial cross-modal retrieval."""
import pytest
import torch
from trained_forms import batch, made, trained


def test_a_step_helps_the_adversary_and_harms_it_through_the_projection():
    inputs, samples = batch(48)

    def moved(part, rate=.5):
        model = made('ACMR', dropout=0., adversary_weight=1.)
        before = model.loss(inputs, samples)['loss_adversary']
        before.backward()
        with torch.no_grad():
            for name, value in model.named_parameters():
                if name.startswith(part):
                    value -= rate * value.grad
        return before, model.loss(inputs, samples)['loss_adversary']
    before, after = moved('adversary.')
    assert after < before
    before, after = moved('image_projection.')
    assert after > before


def test_training_tells_the_classes():
    first, last = trained(made('ACMR'))
    assert last['accuracy_image'] > .9
    assert last['loss_triplet'] < first['loss_triplet']


def test_testing_does_without_the_adversary():
    assert made('ACMR').training_only == ('adversary.', )


def test_a_reversal_beyond_1_is_refused():
    with pytest.raises(ValueError, match='gradient reversal must be in'):
        made('ACMR', reversal=2.)
