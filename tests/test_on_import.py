"""Acting when another package is imported."""
from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from contextlib import contextmanager

import pytest

from chtn_plugin._on_import import around_import


@pytest.fixture
def module(tmp_path, monkeypatch):
    """The name of a module that can be imported, and notes when it ran."""
    (tmp_path / 'imported_late.py').write_text(
        'import events\nevents.seen.append("module")\n')
    (tmp_path / 'events.py').write_text('seen = []\n')
    monkeypatch.syspath_prepend(tmp_path)
    yield 'imported_late'
    for name in ('imported_late', 'events'):
        sys.modules.pop(name, None)


@contextmanager
def noted():
    import events
    events.seen.append('before')
    yield
    events.seen.append('after')


def test_the_module_runs_inside_the_context(module):
    assert around_import(module, noted)
    importlib.import_module(module)
    import events
    assert events.seen == ['before', 'module', 'after']


def test_looking_for_the_module_is_not_yet_importing_it(module):
    around_import(module, noted)
    assert importlib.util.find_spec(module) is not None
    assert 'events' not in sys.modules


def test_a_second_import_runs_in_no_context(module):
    around_import(module, noted)
    importlib.import_module(module)
    importlib.reload(sys.modules[module])
    import events
    assert events.seen == ['before', 'module', 'after', 'module']


def test_the_source_of_the_module_can_be_read(module):
    around_import(module, noted)
    assert 'events.seen' in inspect.getsource(importlib.import_module(module))


def test_what_is_imported_already_is_too_late():
    assert not around_import('sys', noted)
