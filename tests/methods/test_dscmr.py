"""Deep supervised cross-modal retrieval."""
import pytest
import torch
from trained_forms import batch, made, trained

from chtn_plugin.losses import pair_likelihood


def test_terms_by_hand():
    inputs, samples = batch()
    model = made('DSCMR', dropout=0., pair_weight=2.,
                 likelihood=dict(scale=3.))
    terms = model.loss(inputs, samples)
    pair = model.encode_pair(**inputs)
    one, other = (pair[name].taps['common'] for name in ('image', 'text'))
    torch.testing.assert_close(terms['loss_pair'],
                               2 * (one - other).square().mean())
    torch.testing.assert_close(
        terms['loss_likelihood'],
        pair_likelihood(one, other, samples['label'], 3.))
    wanted = torch.eye(3)[samples['label']]
    torch.testing.assert_close(
        terms['loss_label_image'],
        (pair['image'].logits - wanted).square().sum(1).mean())


def test_the_likelihood_matters_to_the_whole():
    # Its gradient at the projection is no small part of all.
    inputs, samples = batch(48)
    model = made('DSCMR', dropout=0.)
    terms = model.loss(inputs, samples)
    weight = model.image_projection[-1].weight
    likelihood, = torch.autograd.grad(terms['loss_likelihood'], weight,
                                      retain_graph=True)
    whole, = torch.autograd.grad(
        sum(v for k, v in terms.items() if 'loss' in k), weight)
    assert likelihood.norm() > .05 * whole.norm()


def test_training_lowers_labels_and_likelihood():
    first, last = trained(made('DSCMR'), 80, .005)
    for name in ('loss_label_image', 'loss_label_text', 'loss_likelihood'):
        assert last[name] < first[name]


def test_several_classes_of_a_pair_are_shared():
    inputs, samples = batch()
    samples['label'] = torch.ones(12, 3)
    terms = made('DSCMR', dropout=0.).loss(inputs, samples)
    assert terms['accuracy_image'] == pytest.approx(1)
