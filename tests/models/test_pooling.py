"""Every shape a backbone gives, to one vector an image."""
from __future__ import annotations

import pytest
import torch

from chtn_plugin.models.pooling import pooled

MAP = torch.arange(8.).view(1, 2, 2, 2)  # two channels, 0..3 and 4..7
TOKENS = torch.tensor([[[1., 2], [3, 6]]])  # two tokens of two numbers


@pytest.mark.parametrize('pooling, expected', [
    ('flatten', [0, 1, 2, 3, 4, 5, 6, 7]), ('average', [1.5, 5.5]),
    ('max', [3, 7])])
def test_map(pooling, expected):
    assert pooled(MAP, pooling).tolist() == [expected]


@pytest.mark.parametrize('pooling, expected', [
    ('cls', [1, 2]), ('average', [2, 4]), ('max', [3, 6])])
def test_tokens(pooling, expected):
    assert pooled(TOKENS, pooling).tolist() == [expected]


@pytest.mark.parametrize('pooling', ['flatten', 'average', 'max', 'cls'])
def test_vector_passes(pooling):
    assert pooled(torch.ones(1, 3), pooling).tolist() == [[1, 1, 1]]


def test_last_of_several_stages():
    assert pooled((TOKENS, MAP), 'average').tolist() == [[1.5, 5.5]]


def test_all_stages_are_joined():
    assert pooled((MAP, TOKENS), 'max', 'all').tolist() == [[3, 7, 3, 6]]


@pytest.mark.parametrize('pooling, expected', [
    ('cls', [9, 9]), ('average', [1.5, 5.5])])
def test_pair_of_map_and_class_token(pooling, expected):
    stage = [MAP, torch.tensor([[9., 9]])]
    assert pooled((stage, ), pooling).tolist() == [expected]


@pytest.mark.parametrize('features, pooling, message', [
    (MAP, 'cls', r"map must be one of .*got 'cls' for \(1, 2, 2, 2\)"),
    (TOKENS, 'flatten', 'tokens must be one of'),
    (torch.ones(3), 'cls', r'got \(3,\)'),
    ((), 'cls', 'got none'),
    ('x', 'cls', 'got str'),
])
def test_pooling_that_does_not_fit_is_refused(features, pooling, message):
    with pytest.raises(ValueError, match=message):
        pooled(features, pooling)
