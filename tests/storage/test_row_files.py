"""Files of rows: mapped, and known to be whole."""
from __future__ import annotations

import os

import numpy as np
import pytest

from chtn_plugin.storage.row_files import (
    file_facts,
    is_whole,
    open_rows,
    write_rows,
)

ROWS = np.arange(6, dtype=np.float32).reshape(3, 2)


@pytest.fixture
def written(tmp_path):
    path = tmp_path / 'rows.npy'
    return path, write_rows(path, ROWS)


def test_rows_come_back_mapped(written):
    rows = open_rows(written[0], 3)
    assert isinstance(rows, np.memmap)
    assert rows.tolist() == [[0, 1], [2, 3], [4, 5]]


def test_what_is_written_column_by_column_is_read_row_by_row(tmp_path):
    write_rows(tmp_path / 'rows.npy', np.asfortranarray(ROWS))
    assert open_rows(tmp_path / 'rows.npy', 3).flags.c_contiguous


def test_objects_are_not_written(tmp_path):
    with pytest.raises(ValueError, match='[Oo]bject'):
        write_rows(tmp_path / 'rows.npy', np.array([[None]], object))
    assert not (tmp_path / 'rows.npy').exists()


def test_another_number_of_rows_is_refused(written):
    with pytest.raises(ValueError, match=r'4 rows, has shape \(3, 2\)'):
        open_rows(written[0], 4)


@pytest.mark.parametrize('content', [b'', b'half', b'\x93NUMPY'])
def test_what_is_no_array_is_refused(tmp_path, content):
    (tmp_path / 'rows.npy').write_bytes(content)
    with pytest.raises(ValueError):
        open_rows(tmp_path / 'rows.npy', 3)


def test_facts_name_the_file(written):
    path, facts = written
    status = path.stat()
    assert facts == file_facts(path)
    assert facts['file'] == 'rows.npy' and len(facts['sha256']) == 64
    assert facts['stamp'] == f'{status.st_size}:{status.st_mtime_ns}'


def change_a_byte(path):
    status = path.stat()
    encoded = bytearray(path.read_bytes())
    encoded[-1] ^= 1
    path.write_bytes(encoded)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_a_changed_byte_under_the_old_time_shows_in_the_hash_alone(written):
    path, facts = written
    change_a_byte(path)
    assert is_whole(path, facts, trust_stamp=True)
    assert not is_whole(path, facts)


def test_a_file_of_another_time_is_hashed(written):
    path, facts = written
    os.utime(path, (1, 1))
    assert is_whole(path, facts, trust_stamp=True)
    change_a_byte(path)
    assert not is_whole(path, facts, trust_stamp=True)


def test_facts_without_a_time_are_hashed(written):
    path, facts = written
    del facts['stamp']
    assert is_whole(path, facts, trust_stamp=True)


def test_a_file_that_is_gone_is_not_whole(written):
    path, facts = written
    path.unlink()
    assert not is_whole(path, facts)
