"""The file backend that writes whole files or none."""
import os

import pytest
from mmengine.fileio import get_file_backend

from chtn_plugin.engine.hooks.resuming.atomic_backend import (
    AtomicBackend,
    write_atomically,
)


def test_mmengine_finds_the_backend_by_its_name():
    backend = get_file_backend(backend_args=dict(backend='atomic'))
    assert isinstance(backend, AtomicBackend)


def test_puts_bytes(tmp_path):
    AtomicBackend().put(b'new', tmp_path / 'file')
    assert (tmp_path / 'file').read_bytes() == b'new'


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path,
                                                             monkeypatch):
    path = tmp_path / 'file'
    path.write_bytes(b'old')

    def fail(*args):
        raise OSError('no more')

    monkeypatch.setattr(os, 'replace', fail)
    with pytest.raises(OSError, match='no more'):
        write_atomically(str(path), b'new')
    assert path.read_bytes() == b'old'
    assert os.listdir(tmp_path) == ['file']
