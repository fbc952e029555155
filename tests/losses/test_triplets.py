"""Triplets across modalities, by hand and by a slow loop."""
import pytest
import torch
from torch.nn.functional import normalize

from chtn_plugin.losses import ClassTripletLoss, class_triplets

AXES = torch.eye(2)


def test_right_angles():
    # Own distance 0, other 2: max(0, m - 2) both ways.
    label = torch.tensor([0, 1])
    assert class_triplets(AXES, AXES, label, .5).item() == 0
    assert class_triplets(AXES, AXES, label, 3.).item() == pytest.approx(1)


def test_one_class_has_no_triplets():
    assert class_triplets(AXES, AXES.flip(0), torch.zeros(2)).item() == 0


def test_a_loop_over_all_triplets_agrees():
    image, text = torch.randn(2, 6, 3, generator=torch.Generator(
        ).manual_seed(0))
    label = torch.tensor([0, 1, 0, 2, 1, 0])
    one, other = normalize(image), normalize(text)
    found = []
    for b in range(6):
        for c in range(6):
            if label[b] != label[c]:
                own = (one[b] - other[b]).square().sum()
                for far in ((one[b] - other[c]).square().sum(),
                            (other[b] - one[c]).square().sum()):
                    found.append((.7 + own - far).clamp(min=0))
    torch.testing.assert_close(class_triplets(image, text, label, .7),
                               torch.stack(found).mean())


def test_the_module_weights_it():
    label = torch.tensor([0, 1])
    torch.testing.assert_close(
        ClassTripletLoss(3., 2.)(AXES, AXES, label),
        2 * class_triplets(AXES, AXES, label, 3.))


def test_refusals():
    with pytest.raises(ValueError, match=r'\(2, 2\) and \(3, 2\)'):
        class_triplets(AXES, torch.ones(3, 2), torch.arange(2))
    with pytest.raises(ValueError, match='margin must not be negative'):
        ClassTripletLoss(-.1)
