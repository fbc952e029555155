"""Files that are written whole or not at all."""
from __future__ import annotations

import hashlib
import os
import stat

import pytest

from chtn_plugin.storage.files import atomic_write, sha256


def test_content_arrives(tmp_path):
    with atomic_write(tmp_path / 'new' / 'a.txt', 'w',
                      encoding='utf-8') as file:
        file.write('ä')
    assert (tmp_path / 'new' / 'a.txt').read_bytes() == 'ä'.encode()


def test_nothing_is_there_before_the_end(tmp_path):
    with atomic_write(tmp_path / 'a') as file:
        file.write(b'x')
        file.flush()
        assert not (tmp_path / 'a').exists()


def test_an_error_leaves_the_old_file(tmp_path):
    (tmp_path / 'a').write_bytes(b'old')
    with pytest.raises(RuntimeError), atomic_write(tmp_path / 'a') as file:
        file.write(b'new')
        raise RuntimeError
    assert (tmp_path / 'a').read_bytes() == b'old'
    assert os.listdir(tmp_path) == ['a']


def test_interruption_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), atomic_write(tmp_path / 'a'):
        raise KeyboardInterrupt
    assert not os.listdir(tmp_path)


def test_others_may_read_it_as_any_file(tmp_path):
    (tmp_path / 'plain').touch()
    with atomic_write(tmp_path / 'a'):
        pass
    assert stat.S_IMODE((tmp_path / 'a').stat().st_mode) == stat.S_IMODE(
        (tmp_path / 'plain').stat().st_mode)


def full(descriptor):
    raise OSError(28, 'No space left on device')


def test_a_full_disk_names_the_file_and_the_space(tmp_path, monkeypatch):
    monkeypatch.setattr(os, 'fsync', full)
    with pytest.raises(OSError, match=r'a\.png could not be written: No space '
                       r'left .*more than 0.0 MB needed, [\d.]+ MB free'
                       ), atomic_write(tmp_path / 'a.png') as file:
        file.write(b'x')
    assert not os.listdir(tmp_path)


def test_a_full_disk_while_the_content_comes_is_named_too(tmp_path):
    with pytest.raises(OSError, match='a could not be written: No space'
                       ), atomic_write(tmp_path / 'a'):
        full(None)


def test_an_error_of_a_file_that_is_read_meanwhile_stays_its_own(tmp_path):
    with pytest.raises(FileNotFoundError, match='other'), atomic_write(
            tmp_path / 'a'):
        open(tmp_path / 'other')


def test_hash_of_a_file_is_that_of_its_bytes(tmp_path):
    content = bytes(range(256)) * 10_000  # more than it reads at a time
    (tmp_path / 'a').write_bytes(content)
    assert sha256(tmp_path / 'a') == sha256(content) == hashlib.sha256(
        content).hexdigest()
