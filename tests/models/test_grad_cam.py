"""Grad-CAM, by hand and against the package grad-cam where it is there."""
from __future__ import annotations

import pytest
import torch
from torch import nn

from chtn_plugin.models.grad_cam import feature_maps, grad_cam
from chtn_plugin.models.trunk import Trunk


class Pooled(nn.Module):
    """Two 1x1 convolutions, the mean over places, weights of a class."""

    def __init__(self, frozen: bool = False) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 3, 1)
        self.last = nn.Conv2d(3, 2, 1, bias=False)
        self.weight = torch.tensor([2., -1.])
        self.requires_grad_(not frozen)

    def encode_image(self, image):
        return self.last(self.first(image)).mean((2, 3)) @ self.weight


@pytest.mark.parametrize('frozen', [False, True])
def test_the_mean_over_places_gives_its_closed_form(frozen):
    # y = sum_k w_k mean(A_k), so alpha_k = w_k / HW and the map is
    # ReLU(2 A_0 - A_1), scaled.
    torch.manual_seed(0)
    model, image = Pooled(frozen), torch.randn(1, 1, 3, 4)
    with torch.no_grad():
        activation = model.last(model.first(image))[0]
        expected = (2 * activation[0] - activation[1]).clamp(min=0)
    found = grad_cam(model, image, lambda value: value[0])
    assert found.layers == ('last', )
    torch.testing.assert_close(found.values, expected / expected.max())
    assert found.score == pytest.approx(float(model.encode_image(image)))


def test_places_that_lower_the_score_stay_empty():
    model, image = Pooled(), torch.rand(1, 1, 3, 4)
    with torch.no_grad():
        model.last.weight.copy_(-model.last.weight.abs()[[0, 0]])
        model.first.bias.fill_(5)
    found = grad_cam(model, image, lambda value: value[0])
    assert not found.values.any()


def test_layers_are_named_in_the_order_they_run_and_can_be_chosen():
    model, image = Pooled(), torch.rand(1, 1, 3, 4)
    assert feature_maps(model, image) == dict(first=(1, 3, 3, 4),
                                              last=(1, 2, 3, 4))
    found = grad_cam(model, image, lambda value: value[0], ['first'])
    assert found.layers == ('first', )
    with pytest.raises(ValueError, match='a target layer must be one of'):
        grad_cam(model, image, lambda value: value[0], ['middle'])


def test_a_frozen_trunk_gives_gradients_and_stays_frozen():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.trunk = Trunk(dict(type='SmallConvNet', in_channels=3,
                                    channels=(4, 5)), (3, 8, 8), 'frozen',
                               'average').eval()

        def encode_image(self, image):
            return self.trunk(image).sum()

    model = Model().eval()
    found = grad_cam(model, torch.randn(1, 3, 8, 8), lambda value: value)
    assert found.values.max() == 1
    assert model.trunk.mode == 'frozen'
    assert all(p.grad is None for p in model.parameters())


class Tokens(nn.Module):
    """A class token before four of a grid, as a ViT has."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.Linear(2, 2, bias=False)
        self.blocks.weight.data = torch.eye(2)

    def encode_image(self, image):
        return self.blocks(image.reshape(1, 5, 2)).sum()


def test_tokens_before_the_grid_are_left_out():
    image = torch.tensor([[9., 9], [1, 0], [0, 1], [2, 2], [0, 0]])
    found = grad_cam(Tokens(), image.reshape(1, 1, 5, 2),
                     lambda value: value)
    assert found.values.tolist() == [[.25, .25], [1, 0]]


@pytest.mark.parametrize('image, message', [
    (torch.ones(1, 6), r'ready features, \(6,\)'),
    (torch.ones(1, 1, 1, 1), 'Pooled has none')])
def test_refuses_what_has_no_places(image, message):
    with pytest.raises(ValueError, match=message):
        grad_cam(Pooled(), image, lambda value: value[0])


def test_refuses_a_score_that_does_not_depend_on_the_picture():
    with pytest.raises(ValueError, match='must depend on the layer'):
        grad_cam(Pooled(), torch.rand(1, 1, 3, 4),
                 lambda value: torch.tensor(1.))


def test_it_equals_the_package_grad_cam():
    package = pytest.importorskip('pytorch_grad_cam')

    class Classes(Pooled):
        def forward(self, image):
            return self.encode_image(image)[:, None]

    torch.manual_seed(1)
    model, image = Classes(), torch.randn(1, 1, 6, 6)
    with package.GradCAM(model, [model.last]) as cam:
        theirs = torch.from_numpy(cam(image, None)[0])
    ours = grad_cam(model, image, lambda value: value[0]).values
    # It scales from the smallest value, and divides by 1e-7 more.
    ours = (ours - ours.min()) / (ours.max() - ours.min())
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
