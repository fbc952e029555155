"""Files of torch.save that are no such files, or hold less than they say."""
from __future__ import annotations

import os
import zipfile

import numpy as np
import pytest
import torch

from chtn_plugin.storage.torch_files import (
    check_state_dict,
    kind_of,
    read_torch_file,
    torn,
)


class _Calls:
    """A pickle that makes a folder when it is read."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path), )


def packed(path, content):
    """A torch file whose parts are compressed, which torch never does."""
    torch.save(content, path)
    with zipfile.ZipFile(path) as source:
        parts = {name: source.read(name) for name in source.namelist()}
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as target:
        for name, part in parts.items():
            target.writestr(name, part)


def test_both_layouts_of_torch_are_read(tmp_path):
    for new in (True, False):
        torch.save(dict(a=torch.ones(2)), tmp_path / 'a.pth',
                   _use_new_zipfile_serialization=new)
        assert read_torch_file(str(tmp_path / 'a.pth'))['a'].sum() == 2
        assert kind_of(str(tmp_path / 'a.pth')) == (
            'zip' if new else 'pickle')


@pytest.mark.parametrize('content, message', [
    (b'', r'a\.pth is torn'),
    (b'\x89PNG\r\n', r'a\.pth is no checkpoint that torch reads.*convert'),
    (b'just words', r'a\.pth is no checkpoint that torch reads'),
    (b'\x80\x02just words', r'a\.pth is no checkpoint that torch reads'),
    (b'\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7f', 'no checkpoint that'),
    (b'PK\x03\x04', r'a\.pth is torn')])
def test_another_file_is_refused_in_words(tmp_path, content, message):
    (tmp_path / 'a.pth').write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_torch_file(str(tmp_path / 'a.pth'))


def test_an_archive_of_another_kind_is_refused(tmp_path):
    np.savez(tmp_path / 'a.npz', a=np.ones(2))
    with pytest.raises(ValueError, match='no checkpoint that torch reads'):
        read_torch_file(str(tmp_path / 'a.npz'))


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match='must be a file: .* is a folder'):
        read_torch_file(str(tmp_path))


def test_what_is_not_there_is_not_found(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'no\.pth'):
        read_torch_file(str(tmp_path / 'no.pth'))


def test_a_small_file_that_unpacks_to_a_large_one_is_torn(tmp_path):
    packed(tmp_path / 'a.pth', dict(a=torch.zeros(1_000_000)))
    assert (tmp_path / 'a.pth').stat().st_size < 100_000
    assert 'is compressed' in torn(str(tmp_path / 'a.pth'))
    with pytest.raises(ValueError, match='is compressed'):
        read_torch_file(str(tmp_path / 'a.pth'))


@pytest.mark.parametrize('wrap', [
    lambda big: dict(state_dict=dict(w=big)),
    lambda big: dict(optimizer=dict(state={0: dict(momentum=[big])}))])
def test_a_tensor_larger_than_its_file_is_refused(tmp_path, wrap):
    # Copied into a model it would take 4 GB.
    torch.save(wrap(torch.zeros(1).expand(1_000_000_000)), tmp_path / 'a.pth')
    with pytest.raises(ValueError, match=r'\(1000000000,\), and has 4 bytes'):
        read_torch_file(str(tmp_path / 'a.pth'))


def test_weights_that_share_a_storage_are_read(tmp_path):
    whole = torch.arange(6.)
    torch.save(dict(a=whole[:4], b=whole[2:].view(2, 2).t()),
               tmp_path / 'a.pth')
    assert read_torch_file(str(tmp_path / 'a.pth'))['b'][1, 0] == 3


def test_a_program_is_not_run_unless_it_is_trusted(tmp_path, monkeypatch):
    # A tool that ran in this process may have left it.
    monkeypatch.delenv('TORCH_FORCE_WEIGHTS_ONLY_LOAD', raising=False)
    torch.save(dict(a=_Calls(tmp_path / 'ran')), tmp_path / 'a.pth')
    with pytest.raises(ValueError, match='mkdir, which could run a program'):
        read_torch_file(str(tmp_path / 'a.pth'))
    assert not (tmp_path / 'ran').exists()
    read_torch_file(str(tmp_path / 'a.pth'), trust=True)
    assert (tmp_path / 'ran').exists()


def test_what_the_process_allows_stays_allowed(tmp_path):
    torch.save(dict(a=np.float64(1)), tmp_path / 'a.pth')
    known = torch.serialization.get_safe_globals()
    allowed = [np.dtype, type(np.dtype('float64')),
               np.float64(0).__reduce__()[0]]
    try:
        torch.serialization.add_safe_globals(allowed)
        for _ in range(2):
            read_torch_file(str(tmp_path / 'a.pth'), allowed=allowed)
        assert set(allowed) <= set(torch.serialization.get_safe_globals())
    finally:
        torch.serialization.clear_safe_globals()
        torch.serialization.add_safe_globals(known)


@pytest.mark.parametrize('state, message', [
    ([1], 'must be a dictionary of tensors: x holds a list'),
    ({'a': 1}, "must be tensors by name: 'a' of x is a int"),
    ({0: torch.ones(1)}, 'must be tensors by name: 0 of x'),
    ({'a': torch.tensor([1., float('nan')])}, 'must be finite numbers: a of '
                                              'x'),
    ({'a': torch.tensor([float('inf')])}, 'must be finite numbers')])
def test_weights_that_are_none_are_named(state, message):
    with pytest.raises(ValueError, match=message):
        check_state_dict(state, 'x')
