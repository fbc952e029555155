"""Pathways fc6–fc7 and the text's entry."""
from __future__ import annotations

import pytest
import torch
from mmengine.registry import MODELS

from chtn_plugin.models import Pathway, VectorTextEncoder


def test_taps_have_their_widths():
    taps = Pathway(5, widths=(4, 3))(torch.randn(2, 5))
    assert {name: tuple(tap.shape) for name, tap in taps.items()} == {
        'fc6': (2, 4), 'fc7': (2, 3)}


def test_taps_are_normalised_then_cut_at_zero():
    # BN brings each column of two rows to -1 and 1; the ReLU to 0 and 1.
    pathway = Pathway(2, widths=(2, 2))
    torch.nn.init.eye_(pathway.fc6.weight)
    fc6 = pathway(torch.tensor([[10., 200.], [30., 100.]]))['fc6']
    torch.testing.assert_close(fc6, torch.tensor([[0., 1.], [1., 0.]]))


def test_normalisation_has_no_scale_and_shift():
    names = [name for name, _ in Pathway(2, widths=(3, 4)).named_parameters()]
    assert names == ['fc6.weight', 'fc6.bias', 'fc7.weight', 'fc7.bias']


def test_without_normalisation_it_is_a_plain_network():
    pathway = Pathway(2, widths=(2, 1), norm=False)
    torch.nn.init.eye_(pathway.fc6.weight)
    torch.nn.init.ones_(pathway.fc7.weight)
    taps = pathway(torch.tensor([[3., -1.]]))
    assert taps['fc6'].tolist() == [[3, 0]] and taps['fc7'].tolist() == [[3]]


def test_weights_are_msra_and_biases_zero():
    layer = Pathway(2000, widths=(500, 2)).fc6
    # Variance 2 / fan-in, here 1/1000; a million weights pin it down.
    assert layer.weight.var().item() == pytest.approx(1e-3, rel=0.02)
    assert not layer.bias.any()


def test_momentum_is_the_share_of_the_newest_batch():
    pathway = Pathway(1, widths=(1, 1), momentum=0.1)
    torch.nn.init.ones_(pathway.fc6.weight)
    pathway(torch.tensor([[4.], [6.]]))
    assert pathway.norm_fc6.running_mean.item() == pytest.approx(0.5)


def test_dropout_is_off_in_evaluation():
    pathway = Pathway(3, widths=(4, 4), dropout=0.5).eval()
    features = torch.randn(2, 3)
    assert torch.equal(pathway(features)['fc7'], pathway(features)['fc7'])


def test_dropout_is_on_in_training():
    torch.manual_seed(0)
    pathway = Pathway(3, widths=(4, 50), dropout=0.5)
    features = torch.randn(4, 3)
    assert not torch.equal(pathway(features)['fc7'], pathway(features)['fc7'])


def test_size_must_be_known():
    with pytest.raises(ValueError, match='in_features must be given'):
        Pathway()


def test_needs_two_widths():
    with pytest.raises(ValueError, match=r'fc6 and fc7, got \[4\]'):
        Pathway(2, widths=(4, ))


def test_misspelt_option_is_refused():
    with pytest.raises(TypeError, match="'width'"):
        MODELS.build(dict(type='Pathway', in_features=2, width=(4, 4)))


def test_text_is_normalised_with_scale_and_shift():
    encoder = VectorTextEncoder(1)
    torch.nn.init.constant_(encoder.input_norm.weight, 3)
    torch.nn.init.constant_(encoder.input_norm.bias, 1)
    out = encoder(torch.tensor([[10.], [20.]]))
    torch.testing.assert_close(out, torch.tensor([[-2.], [4.]]), atol=1e-4,
                               rtol=0)


def test_text_may_be_scaled_to_length_one():
    out = VectorTextEncoder(2, norm='l2')(torch.tensor([[3., 4.], [0., 0.]]))
    torch.testing.assert_close(out, torch.tensor([[.6, .8], [0., 0.]]))


def test_text_may_pass_as_it_is():
    text = torch.tensor([[3., 4.]])
    assert VectorTextEncoder(2, norm=None)(text) is text


def test_text_of_other_size_is_refused():
    with pytest.raises(ValueError, match=r'\(B, 3\), got \(2, 4\)'):
        VectorTextEncoder(3)(torch.zeros(2, 4))


def test_unknown_norm_is_refused():
    with pytest.raises(ValueError, match="got 'batch'"):
        VectorTextEncoder(3, norm='batch')
