"""The sign of the reversed gradient."""
import pytest
import torch

from chtn_plugin.models.gradient_reversal import GradientReversal


def test_forward_changes_nothing():
    rows = torch.randn(3, 2)
    assert torch.equal(GradientReversal()(rows), rows)


@pytest.mark.parametrize('strength', [1., .25])
def test_backward_turns_the_gradient_round(strength):
    rows = torch.tensor([2., 3.], requires_grad=True)
    (GradientReversal(strength)(rows) ** 2).sum().backward()
    assert rows.grad.tolist() == [-4 * strength, -6 * strength]


def test_a_step_makes_what_comes_before_worse_for_what_follows():
    weight = torch.tensor(1., requires_grad=True)
    reverse = GradientReversal()
    loss = (reverse(weight * 3.) - 1).square()
    loss.backward()
    worse = ((weight - .01 * weight.grad) * 3. - 1).square()
    assert worse > loss


@pytest.mark.parametrize('strength', [0., 1.5, -1.])
def test_a_strength_beyond_1_is_refused(strength):
    with pytest.raises(ValueError, match=r'\(0, 1\], got'):
        GradientReversal(strength)
