"""Trained projections into a common space."""
import pytest
import torch
from trained_forms import batch, made

from chtn_plugin.models.projected_model import Projection

METHODS = ('DeepSM', 'DSCMR', 'ACMR', 'SupCon', 'PairContrast')


def test_a_projection_ends_in_its_last_width_without_activation():
    projection = Projection(6, (8, 3))
    assert projection.out_features == 3
    assert projection(torch.randn(40, 6)).min() < 0


def test_one_width_is_one_linear_map():
    layers = [type(layer).__name__ for layer in Projection(6, (3, ))]
    assert layers == ['Dropout', 'Linear']


@pytest.mark.parametrize('method', METHODS)
def test_what_is_compared_is_a_choice(method):
    inputs, _ = batch()
    common = made(method, representation='common').eval()
    prob = made(method, representation='prob').eval()
    one, other = (model.encode_image(inputs['image'])
                  for model in (common, prob))
    assert one.repr.shape == (12, 128) and other.repr.shape == (12, 3)
    torch.testing.assert_close(other.repr, one.logits.softmax(1))


@pytest.mark.parametrize('method', ['SupCon', 'PairContrast'])
def test_without_classes_there_is_no_classifier(method):
    inputs, _ = batch()
    assert made(method, num_classes=None).encode_text(
        inputs['text']).logits is None


def test_refusals():
    with pytest.raises(ValueError, match="'prob' needs|='prob' needs"):
        made('SupCon', num_classes=None, representation='prob')
    with pytest.raises(ValueError, match=r"\['common', 'prob'\], got 'fc7'"):
        made('ACMR', representation='fc7')


@pytest.mark.parametrize('method', METHODS)
def test_a_class_out_of_range_is_refused(method):
    inputs, samples = batch()
    samples['label'] = samples['label'] + 3
    with pytest.raises(ValueError, match='must be below 3'):
        made(method).loss(inputs, samples)


def test_vectors_that_are_nowhere_negative_come_out_apart():
    rows = 5 + torch.rand(64, 6, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    for input_norm in (False, True):
        apart = Projection(6, [4], input_norm=input_norm)(rows)
        cosines = torch.nn.functional.normalize(apart) @ (
            torch.nn.functional.normalize(apart).T)
        assert (cosines.mean().item() < 0.5) == input_norm
    assert not list(Projection(6, [4], input_norm=True)[0].parameters())


@pytest.mark.parametrize('method', METHODS)
def test_each_method_may_begin_with_batch_normalisation(method):
    first = made(method, input_norm=True)
    assert [type(projection[0]).__name__ for projection in (
        first.image_projection, first.text_projection)] == ['BatchNorm1d'] * 2
    inputs, samples = batch()
    assert all(torch.isfinite(term) for term in
               first.loss(inputs, samples).values())
