"""Labels in training; the cross entropy is tested through the methods."""
import math

import pytest
import torch

from chtn_plugin.models.cross_modal_model import Encoded
from chtn_plugin.models.supervision import (
    check_label,
    check_whole_pairs,
    supervise,
    supervise_pair,
)


def test_class_numbers_pass():
    assert check_label(torch.tensor([0, 2]), 3).tolist() == [0, 2]


def test_several_classes_share_one_item():
    assert check_label(torch.tensor([[1, 1, 0, 0]]), 4).tolist() == [
        [.5, .5, 0, 0]]


@pytest.mark.parametrize('label, reason', [
    (torch.tensor([3]), 'source must be below 3, the classes of the model: '
     r'got 3 \(least 3\)'),
    (torch.ones(1, 2), 'source must have 3 columns, one a class of the '
     'model: got 2'),
])
def test_labels_of_other_classes_are_refused(label, reason):
    with pytest.raises(ValueError, match=reason):
        check_label(label, 3, 'source')


def test_half_pairs_are_counted():
    with pytest.raises(ValueError, match='1 without image and 0 without'):
        check_whole_pairs(dict(image_idx=torch.tensor([-1, 0]),
                               text_idx=torch.tensor([0, 1])))


def test_cross_entropy_and_accuracy_by_name():
    terms = {}
    supervise(terms, 'text', torch.tensor([[0., 0.], [1., 0.]]),
              torch.tensor([0, 1]), weight=2.)
    expected = torch.tensor([2., 1 + torch.e]).log().mean() * 2
    torch.testing.assert_close(terms['loss_cls_text'], expected)
    assert terms['accuracy_text'] == 0.5


def test_both_sides_of_a_pair_are_supervised_alike():
    sides = {name: Encoded(torch.zeros(1, 2), torch.tensor([[0., 0.]]))
             for name in ('image', 'text')}
    terms = {}
    supervise_pair(terms, sides, torch.tensor([1]))
    assert terms['loss_cls_image'].item() == pytest.approx(math.log(2))
    assert terms['loss_cls_text'] == terms['loss_cls_image']


def test_a_pair_without_a_classifier_is_left_alone():
    terms = {}
    supervise_pair(terms, dict(image=Encoded(torch.zeros(1, 2))), None)
    assert terms == {}
