"""CORAL against values worked out by hand."""
import pytest
import torch
from mmengine.registry import MODELS

from chtn_plugin.losses import coral_distance


def test_variances_of_4_and_0_are_4_apart():
    # Covariances [[2]] (of -1, 1) and [[0]]: 2^2 / (4 * 1^2) = 1.
    source, target = torch.tensor([[-1.], [1.]]), torch.zeros(2, 1)
    assert coral_distance(source, target).item() == 1


def test_equal_covariances_are_0_apart_wherever_they_lie():
    rows = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    assert coral_distance(rows, rows + 7).item() == pytest.approx(0, abs=1e-9)


def test_batches_may_differ_in_size_and_give_finite_gradients():
    source = torch.randn(4, 3, requires_grad=True)
    coral_distance(source, torch.randn(6, 3)).backward()
    assert source.grad.isfinite().all()


def test_half_precision_is_computed_in_float32():
    rows = torch.ones(2, 2, dtype=torch.bfloat16)
    assert coral_distance(rows, rows).dtype == torch.float32


def test_weight_scales_the_value():
    loss = MODELS.build(dict(type='CORALLoss', loss_weight=3.))
    assert loss(torch.tensor([[-1.], [1.]]), torch.zeros(2, 1)).item() == 3


@pytest.mark.parametrize('source, target, reason', [
    ((4, 3), (4, 2), r'\(4, 3\) and \(4, 2\)'),
    ((1, 3), (4, 3), 'two rows at least, got 1 and 4'),
])
def test_what_has_no_covariance_is_refused(source, target, reason):
    with pytest.raises(ValueError, match=reason):
        coral_distance(torch.zeros(source), torch.zeros(target))
