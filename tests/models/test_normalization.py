"""A backbone whose weights expect other pixels is not left unnoticed."""
from __future__ import annotations

import logging

import pytest
from torch import nn

from chtn_plugin.models import CrossModalDataPreprocessor
from chtn_plugin.models.normalization import check_normalization

HALF = dict(mean=[127.5] * 3, std=[127.5] * 3)
IMAGENET = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])


def backbone(**attributes):
    module = nn.Linear(1, 1)
    for name, value in attributes.items():
        setattr(module, name, value)
    return nn.Sequential(module)


@pytest.fixture
def messages(monkeypatch):
    heard = []
    monkeypatch.setattr(
        'chtn_plugin.models.normalization.print_log',
        lambda text, logger, level: heard.append((level, text)))
    return heard


@pytest.mark.parametrize('attributes', [
    dict(normalization=HALF),
    dict(pretrained_cfg=dict(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)))])
def test_mismatch_names_both_values(attributes, messages):
    assert not check_normalization(backbone(**attributes),
                                   CrossModalDataPreprocessor(**IMAGENET))
    (level, text), = messages
    assert level == logging.WARNING
    assert '127.5' in text and '123.675' in text and '57.12' in text


def test_equal_up_to_rounding_is_silent(messages):
    assert check_normalization(
        backbone(pretrained_cfg=dict(mean=(0.485, 0.456, 0.406),
                                     std=(0.229, 0.224, 0.225))),
        CrossModalDataPreprocessor(**IMAGENET))
    assert not messages


def test_no_normalisation_counts_as_0_and_1():
    assert not check_normalization(backbone(normalization=HALF),
                                   CrossModalDataPreprocessor())
    assert check_normalization(
        backbone(normalization=dict(mean=[0.], std=[1.])),
        CrossModalDataPreprocessor())


def test_a_backbone_that_names_none_passes():
    assert check_normalization(backbone(), CrossModalDataPreprocessor())


def test_the_configuration_may_name_it():
    assert not check_normalization(
        backbone(), CrossModalDataPreprocessor(**IMAGENET), HALF)
