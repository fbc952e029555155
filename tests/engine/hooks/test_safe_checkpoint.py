import os

import pytest

from chtn_plugin.engine.hooks import SafeCheckpointHook
from chtn_plugin.engine.hooks.atomic_backend import (
    AtomicBackend,
    write_atomically,
)


def test_a_file_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / 'file'
    path.write_bytes(b'old')
    write_atomically(str(path), b'new')
    assert path.read_bytes() == b'new'
    assert os.listdir(tmp_path) == ['file']


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / 'file'
    path.write_bytes(b'old')

    def full(descriptor):
        raise OSError(28, 'No space left on device')
    monkeypatch.setattr(os, 'fsync', full)
    with pytest.raises(OSError, match='file could not be written: No space '
                                      r'left .*0.0 MB needed, [\d.]+ MB free'):
        AtomicBackend().put(b'new', str(path))
    assert path.read_bytes() == b'old'
    assert os.listdir(tmp_path) == ['file']


def test_a_misspelt_option_is_refused():
    # MMEngine's hook takes any and passes it on at the first save.
    with pytest.raises(TypeError, match='intervall'):
        SafeCheckpointHook(intervall=3)
