"""InfoNCE against values worked out by hand."""
import math

import pytest
import torch

from chtn_plugin.losses import info_nce

AXES = torch.eye(2)


def test_right_angles_give_the_log_of_one_plus_exp_of_minus_scale():
    # Own cosine 1, the other 0: -log(e^s / (e^s + 1)).
    assert info_nce(AXES, AXES, 3.).item() == pytest.approx(
        math.log(1 + math.exp(-3)))


@pytest.mark.parametrize('count', [2, 5])
def test_equal_rows_give_the_log_of_their_number(count):
    rows = torch.ones(count, 3)
    assert info_nce(rows, rows, 7.).item() == pytest.approx(math.log(count))


def test_length_does_not_count():
    torch.testing.assert_close(info_nce(5 * AXES, AXES, 2.),
                               info_nce(AXES, 0.1 * AXES, 2.))


def test_the_same_thing_is_no_negative_of_itself():
    # Rows 0 and 1 are one thing: each has one negative left, at a cosine of
    # 0; row 2 has two negatives.
    rows = torch.tensor([[1., 0], [1, 0], [0, 1]])
    value = info_nce(rows, rows, 1., same=torch.tensor([4, 4, 9]))
    one, two = (math.log(1 + n / math.e) for n in (1, 2))
    assert value.item() == pytest.approx((2 * one + two) / 3)


def test_a_thing_may_be_shared_in_any_column():
    rows = torch.tensor([[1., 0], [1, 0], [0, 1]])
    by_text = info_nce(rows, rows, 1., torch.tensor([[0, 4], [1, 4], [2, 9]]))
    torch.testing.assert_close(by_text, info_nce(
        rows, rows, 1., torch.tensor([4, 4, 9])))


def test_unknown_things_are_negatives():
    torch.testing.assert_close(
        info_nce(AXES, AXES, 1., torch.tensor([-1, -1])),
        info_nce(AXES, AXES, 1.))


def test_both_directions_count():
    image, text = torch.randn(2, 4, 3, generator=torch.Generator(
        ).manual_seed(0))
    torch.testing.assert_close(info_nce(image, text, 2.),
                               info_nce(text, image, 2.))


def test_half_precision_is_computed_in_float32_with_finite_gradients():
    rows = torch.randn(4, 3, dtype=torch.bfloat16, requires_grad=True)
    value = info_nce(rows, torch.randn(4, 3), 10.)
    value.backward()
    assert value.dtype == torch.float32 and rows.grad.isfinite().all()


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r'\(2, 2\) and \(3, 2\)'):
        info_nce(AXES, torch.ones(3, 2), 1.)
