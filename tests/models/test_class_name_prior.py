"""What names of classes tell before any label does."""
from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from mmengine.registry import MODELS

from chtn_plugin.models.class_name_prior import likely_weight

# Two source classes, told apart by the sign of the first number; the names of
# the targets are the sources' in the other order.
IMAGE = torch.tensor([[2., 0.], [-2., 0.]] * 10)
TEXT = torch.tensor([[0., 1., 0.], [1., 0., 0.]] * 10)
LABEL = torch.tensor([1, 0] * 10)


def file(root, **changes):
    np.savez(root / 'prior.npz', **dict(dict(
        source_weight=np.array([[1., 0.], [-1., 0.]]),
        source_bias=np.zeros(2), source_names=np.eye(3)[:2],
        target_names=np.eye(3)[[1, 0]]), **changes))
    return str(root / 'prior.npz')


def prior(root, changes=None, **options):
    return MODELS.build(dict(type='ClassNamePrior', **dict(dict(
        file=file(root, **(changes or {}))), **options)))


def fitted(root, label=LABEL, **options):
    made = prior(root, **options)
    made.fit(IMAGE, TEXT, label, 2)
    return made


def test_a_picture_leans_to_the_class_whose_name_its_source_class_has(
        tmp_path):
    offset = fitted(tmp_path).offset('image', IMAGE[:2])
    # Source class 0 has the name of target class 1. Two values alike often
    # have standard deviation 1 but for the unbiased estimate's root of 40/39.
    size = .5 * math.sqrt(39 / 40)
    assert offset.flatten().tolist() == pytest.approx(
        [-size, size, size, -size], rel=1e-3)


def test_a_weight_that_is_not_learned_is_the_largest(tmp_path):
    made = fitted(tmp_path, label=torch.full_like(LABEL, -1), weight=.3,
                  learned=False)
    size = .3 * math.sqrt(39 / 40)
    assert made.offset('image', IMAGE[:1]).flatten().tolist() == (
        pytest.approx([-size, size], rel=1e-3))


def test_texts_have_no_offset_by_default(tmp_path):
    assert fitted(tmp_path).offset('text', TEXT[:2]) == 0


def test_a_text_leans_to_the_class_whose_name_it_is_near(tmp_path):
    made = fitted(tmp_path, label=1 - LABEL, text_weight=1.)
    offset = made.offset('text', TEXT[:2])
    assert offset.argmax(1).tolist() == [0, 1]


def test_texts_that_contradict_their_labels_get_no_weight(tmp_path):
    # The names say the other class, so that any weight makes it unlikelier.
    assert fitted(tmp_path, text_weight=1.).weights()['text'] == 0


def test_a_source_that_shares_nothing_costs_nothing(tmp_path):
    unrelated = torch.tensor([0, 0, 1, 1] * 5)
    made = fitted(tmp_path, label=unrelated)
    assert made.weights()['image'] == 0
    assert made.offset('image', IMAGE).abs().max() == 0


def test_the_weight_of_a_source_unlike_the_target_goes_to_zero(tmp_path):
    # Pictures, classes and names that have nothing to do with one another:
    # the weight is 0 but for one time in twenty, where chance speaks for it.
    given = torch.Generator().manual_seed(0)
    weights = []
    for _ in range(40):
        image, text = (torch.randn(60, size, generator=given)
                       for size in (2, 3))
        label = torch.randint(2, (60, ), generator=given)
        made = prior(tmp_path, dict(source_names=torch.randn(
            2, 3, generator=given).numpy()), text_weight=1.)
        made.fit(image, text, label, 2)
        weights += list(made.weights().values())
    assert sum(weight > 0 for weight in weights) <= .1 * len(weights)


def test_without_labels_nothing_is_added(tmp_path):
    assert fitted(tmp_path, label=torch.full((20, ), -1)
                  ).weights()['image'] == 0


def test_the_weight_is_the_likeliest():
    # 3 of 4 rows agree with scores of ±1/2: the log odds are ln 3 = w.
    score = torch.tensor([[.5, -.5]] * 40)
    label = torch.tensor([0, 0, 0, 1] * 10)
    assert likely_weight(score, label, 5.) == pytest.approx(math.log(3),
                                                            abs=.06)


def test_the_weight_is_at_most_what_is_given():
    assert likely_weight(torch.tensor([[1., 0.]] * 20),
                         torch.zeros(20, dtype=torch.long), .5) == .5


def test_a_gain_within_chance_is_none():
    # One row: twice the gain is at most 2 ln 2 < 2.7.
    assert likely_weight(torch.tensor([[9., 0.]]), torch.tensor([0]),
                         5.) == 0


def test_a_checkpoint_brings_what_was_fitted(tmp_path):
    made = fitted(tmp_path)
    other = MODELS.build(dict(type='ClassNamePrior'))
    other.load_state_dict(made.state_dict())
    assert torch.equal(other.offset('image', IMAGE),
                       made.offset('image', IMAGE))


def test_vectors_of_length_1_are_scaled_for_the_classifier(tmp_path):
    one, other = (fitted(tmp_path, scale=scale)['source_weight']
                  for scale in (1., 4.))
    assert torch.equal(4 * one, other)


def test_no_gradient_reaches_the_vectors(tmp_path):
    rows = IMAGE.clone().requires_grad_()
    assert not fitted(tmp_path).offset('image', rows).requires_grad


def test_unfitted_it_refuses_to_guess(tmp_path):
    with pytest.raises(ValueError, match='FitHook'):
        prior(tmp_path).offset('image', IMAGE)


@pytest.mark.parametrize(('changes', 'message'), [
    (dict(source_weight=np.ones((2, 5))), 'takes 5 numbers, a picture has 2'),
    (dict(source_bias=np.zeros(3)), 'has 2, 3 and 2'),
    (dict(target_names=np.eye(3)), 'has 3, the data have 2'),
    (dict(source_bias=np.array([0, np.nan])), 'finite')])
def test_refuses_arrays_that_do_not_fit(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        prior(tmp_path, changes).fit(IMAGE, TEXT, LABEL, 2)


def test_refuses_names_of_another_encoder_than_the_texts(tmp_path):
    made = prior(tmp_path, text_weight=1.)
    with pytest.raises(ValueError, match='a text has 4 numbers, a name in'):
        made.fit(IMAGE, torch.zeros(20, 4), LABEL, 2)


def test_refuses_several_classes_a_pair(tmp_path):
    with pytest.raises(ValueError, match='one class a pair'):
        prior(tmp_path).fit(IMAGE, TEXT, torch.ones(20, 2), 2)


def test_names_the_arrays_that_a_file_lacks(tmp_path):
    np.savez(tmp_path / 'p.npz', source_weight=np.ones((2, 2)))
    made = MODELS.build(dict(type='ClassNamePrior',
                             file=str(tmp_path / 'p.npz')))
    with pytest.raises(KeyError, match='source_bias'):
        made.fit(IMAGE, TEXT, LABEL, 2)


@pytest.mark.parametrize(('option', 'value'), [
    ('weight', -1), ('text_weight', -1), ('scale', 0)])
def test_refuses_an_option_out_of_its_range(option, value):
    with pytest.raises(ValueError, match=f'{option} must be'):
        MODELS.build(dict(type='ClassNamePrior', **{option: value}))
