"""Checks that every room makes."""
import pytest
import torch

from chtn_plugin.checks import check_choice, check_device


def test_known_value_passes():
    check_choice('mode', 'b', dict(a=1, b=2))
    check_choice('mode', None, (None, 'a'))


@pytest.mark.parametrize('value', ['c', None, ['a'], {'a': 1}])
def test_other_value_is_refused_with_those_that_are_known(value):
    with pytest.raises(ValueError) as error:
        check_choice('mode', value, {'a': 1, 'b': 2})
    assert str(error.value) == (
        f"mode must be one of ['a', 'b'], got {value!r}")


def test_error_may_be_another():
    with pytest.raises(KeyError, match='split must be one of'):
        check_choice('split', 'c', ('a', 'b'), KeyError)


@pytest.mark.parametrize('name', ['banana', '', 'cpu:x', 'cuda:99', 3.5])
def test_a_device_that_is_not_there_is_refused(name):
    with pytest.raises(ValueError, match='one that this machine has.*got'):
        check_device(name)


def test_a_device_is_torchs():
    assert check_device('cpu') == torch.device('cpu')
