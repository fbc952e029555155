"""Plain values come back as they were."""
import math

import pytest

from chtn_plugin.storage.exact_json import from_json, to_json


@pytest.mark.parametrize('value', [
    dict(a=[1, 2.5, None, True, 'x'], b=dict(c=(1, (2, 'y')))), (), [()],
    {1, 2}, math.inf, [-math.inf], 'ü', {}])
def test_a_value_comes_back(value):
    again = from_json(to_json(value))
    assert again == value and type(again) is type(value)


def test_no_number_comes_back():
    assert math.isnan(from_json(to_json(math.nan)))


@pytest.mark.parametrize('value', [object(), {1: 2}, [b'x'], len])
def test_other_values_are_refused(value):
    with pytest.raises(TypeError):
        to_json(value)


def test_what_is_no_json_is_refused():
    for text in ('{', '{"(tuple)": 3}'):
        with pytest.raises(ValueError):
            from_json(text)
