"""A backbone whose weights expect other pixels is not left unnoticed."""
from __future__ import annotations

import logging

import pytest
from torch import nn

from chtn_plugin.models import AlexNetBN, CrossModalDataPreprocessor, Trunk
from chtn_plugin.models.normalization import (
    check_normalization,
    check_order,
    check_size,
    expected_pixels,
)

HALF = dict(mean=[127.5] * 3, std=[127.5] * 3)
IMAGENET = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])
TIMM = dict(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5),
            input_size=(3, 160, 128))


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


def test_timm_names_all_in_its_own_scale():
    assert expected_pixels(backbone(pretrained_cfg=TIMM)) == dict(
        HALF, order='RGB', size=(160, 128))


def test_mmpretrain_names_a_transformers_size():
    vit = nn.Linear(1, 1)
    vit.img_size = (224, 192)
    assert expected_pixels(vit) == dict(size=(224, 192))


def test_a_backbone_may_name_nothing():
    assert expected_pixels(backbone()) == {}


def test_the_configuration_counts_before_the_backbone():
    expected = expected_pixels(backbone(pretrained_cfg=TIMM),
                               dict(order='BGR', size=96))
    assert expected == dict(HALF, order='BGR', size=(96, 96))


@pytest.mark.parametrize('given, reason', [
    (dict(means=[0.]), r"got \['means'\]"),
    (dict(mean=[0.]), 'mean and std, or neither'),
    (dict(order='GBR'), "order must be one of .* got 'GBR'")])
def test_a_wrong_expectation_is_refused(given, reason):
    with pytest.raises(ValueError, match=reason):
        expected_pixels(backbone(), given)


def test_the_trunk_gathers_what_is_expected():
    trunk = Trunk(None, (7, ), normalization=dict(order='BGR'))
    assert trunk.expected == dict(order='BGR')


@pytest.mark.parametrize('attributes', [
    dict(normalization=HALF), dict(pretrained_cfg=TIMM)])
def test_other_normalisation_names_both_values(attributes, messages):
    assert not check_normalization(
        expected_pixels(backbone(**attributes)),
        CrossModalDataPreprocessor(**IMAGENET))
    (level, text), = messages
    assert level == logging.WARNING
    assert '127.5' in text and '123.675' in text and '57.12' in text


def test_equal_up_to_rounding_is_silent(messages):
    timm = dict(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
    assert check_normalization(
        expected_pixels(backbone(pretrained_cfg=timm)),
        CrossModalDataPreprocessor(**IMAGENET))
    assert not messages


def test_reversed_means_are_a_mismatch():
    swapped = {name: values[::-1] for name, values in IMAGENET.items()}
    assert not check_normalization(IMAGENET,
                                   CrossModalDataPreprocessor(**swapped))


def test_no_normalisation_counts_as_0_and_1():
    raw = CrossModalDataPreprocessor()
    assert not check_normalization(HALF, raw)
    assert check_normalization(dict(mean=[0.], std=[1.]), raw)


def test_other_size_names_both_values(messages):
    assert not check_size(dict(size=(160, 128)), (3, 224, 192))
    (level, text), = messages
    assert level == logging.WARNING
    assert '160 x 128' in text and '224 x 192' in text


@pytest.mark.parametrize('shape', [(3, 160, 128), (1280, )])
def test_equal_size_and_ready_features_are_silent(shape, messages):
    assert check_size(dict(size=(160, 128)), shape)
    assert not messages


@pytest.mark.parametrize('expected, loaded, reverse', [
    ('RGB', 'BGR', False), ('RGB', 'RGB', True), ('BGR', 'RGB', False)])
def test_other_order_names_both_values(expected, loaded, reverse, messages):
    assert not check_order(dict(order=expected), loaded,
                           CrossModalDataPreprocessor(bgr_to_rgb=reverse))
    (level, text), = messages
    assert level == logging.WARNING
    assert f'expect: {expected}' in text and f'loads {loaded}' in text
    assert f'bgr_to_rgb={reverse}' in text


@pytest.mark.parametrize('expected, loaded, reverse', [
    ('RGB', 'BGR', True), ('RGB', 'RGB', False), ('BGR', 'BGR', False),
    ('RGB', None, False)])
def test_equal_or_unknown_order_is_silent(expected, loaded, reverse,
                                          messages):
    assert check_order(dict(order=expected), loaded,
                       CrossModalDataPreprocessor(bgr_to_rgb=reverse))
    assert not messages


def test_nothing_known_passes(messages):
    raw = CrossModalDataPreprocessor()
    assert check_normalization({}, raw) and check_order({}, 'BGR', raw)
    assert check_size({}, (3, 9, 9))
    assert not messages


@pytest.mark.parametrize('options, expected', [
    (dict(), dict(order='BGR', mean=[0.], std=[1.])),
    (dict(layout='torchvision', norm=False), dict(IMAGENET, order='RGB'))])
def test_alexnet_says_what_its_layout_expects(options, expected):
    assert expected_pixels(AlexNetBN(**options)) == expected
