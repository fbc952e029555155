"""Old import paths."""
import importlib
import math
import sys

import pytest

from chtn_plugin._moved import moved_names


def test_a_moved_name_is_found_and_its_new_place_named():
    find = moved_names('old', dict(sqrt='math'))
    with pytest.warns(DeprecationWarning,
                      match='old.sqrt has moved: import it from math'):
        assert find('sqrt') is math.sqrt


def test_a_name_that_never_was_is_no_attribute():
    with pytest.raises(AttributeError, match="'old' has no attribute 'cbrt'"):
        moved_names('old', dict(sqrt='math'))('cbrt')


def test_the_old_path_of_the_hooks_gives_the_same_hooks():
    from chtn_plugin.engine.hooks import KeptMemoryHook
    sys.modules.pop('chtn_plugin.hooks', None)
    with pytest.warns(DeprecationWarning, match='chtn_plugin.engine.hooks'):
        old = importlib.import_module('chtn_plugin.hooks')
    assert old.KeptMemoryHook is KeptMemoryHook
