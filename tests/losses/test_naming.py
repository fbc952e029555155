"""Losses are logged under names of their own."""
from torch import nn

from chtn_plugin.losses import CORALLoss, MMDLoss, PairwiseLoss
from chtn_plugin.losses.naming import loss_name


def test_name_is_the_class_name_without_loss():
    assert (loss_name(MMDLoss()), loss_name(CORALLoss())) == ('mmd', 'coral')


def test_a_loss_may_name_itself():
    assert loss_name(PairwiseLoss()) == 'pair'


def test_a_class_without_loss_in_its_name_keeps_it():
    assert loss_name(nn.Identity()) == 'identity'
