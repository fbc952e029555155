"""Only files of our own may be deleted or replaced."""
from __future__ import annotations

import os
import platform
import re
import subprocess
import sys

import pytest

from chtn_plugin.storage.ownership import (
    PAGE_STAMP,
    TEMPORARY,
    WrittenFiles,
    bears_stamp,
    check_replaceable,
    is_abandoned,
    is_read_by,
    own_set,
    sweep_temporaries,
    temporary_path,
)

HOST = re.sub('[^A-Za-z0-9]', '', platform.node())[:32] or 'unknown'


@pytest.fixture(scope='module')
def dead_process():
    process = subprocess.Popen([sys.executable, '-c', ''])
    process.wait()
    return process.pid


def of(folder, host, pid):
    path = folder / f'.iter_4.pth.{host}-{pid}-0123abcd{TEMPORARY}'
    path.touch()
    return path


def test_what_a_dead_process_was_writing_is_swept(tmp_path, dead_process):
    path = of(tmp_path, HOST, dead_process)
    assert sweep_temporaries(tmp_path) == [path]
    assert not path.exists()


def test_what_a_living_process_is_writing_stays(tmp_path):
    path = temporary_path(tmp_path / 'iter_4.pth')
    path.touch()
    assert sweep_temporaries(tmp_path) == []
    assert path.exists()


def test_what_another_machine_is_writing_is_given_a_day(tmp_path,
                                                        dead_process):
    path = of(tmp_path, 'elsewhere', dead_process)
    assert not is_abandoned(path)
    yesterday = path.stat().st_mtime - 25 * 3600
    os.utime(path, (yesterday, yesterday))
    assert is_abandoned(path)


@pytest.mark.parametrize('name', [
    'film.mp4.part', '.hidden.part', f'data{TEMPORARY}', f'.x{TEMPORARY}',
    'iter_4.pth.99999999.part', '.a.host-1-ab.part'])
def test_files_of_others_are_never_swept(tmp_path, name):
    path = tmp_path / name
    path.touch()
    os.utime(path, (0, 0))
    assert sweep_temporaries(tmp_path) == []
    assert path.exists()


def test_a_temporary_name_fits_beside_the_longest_name(tmp_path):
    temporary_path(tmp_path / ('ä' * 127)).touch()


def test_a_file_of_the_users_is_not_claimed(tmp_path):
    (tmp_path / 'mine').write_text('x')
    with pytest.raises(ValueError, match='holds 1 that it has not, as mine'):
        WrittenFiles(tmp_path).claim(['new', 'mine'])
    assert sorted(os.listdir(tmp_path)) == ['mine']


def test_a_link_of_the_users_that_leads_nowhere_is_not_claimed(tmp_path):
    (tmp_path / 'mine').symlink_to('nowhere')
    with pytest.raises(ValueError, match='as mine'):
        WrittenFiles(tmp_path).claim(['mine'])


def test_a_run_after_a_kill_knows_what_was_written(tmp_path):
    WrittenFiles(tmp_path).claim(['a/b'])
    (tmp_path / 'a').mkdir()
    (tmp_path / 'a/b').write_text('half of it')
    WrittenFiles(tmp_path).claim(['a/b'])


def test_a_set_of_files_is_ours_by_its_record_or_by_the_list(tmp_path):
    names = ['page.html', 'record.json']
    assert not set(own_set(tmp_path, names, 'record.json', ['tables']))
    (tmp_path / 'page.html').write_text('mine')
    with pytest.raises(ValueError, match='page.html is another'):
        own_set(tmp_path, names, 'record.json', ['tables'])
    (tmp_path / 'record.json').write_text('{"tables": []}')
    assert set(own_set(tmp_path, names, 'record.json', ['tables'])) == set(
        names)
    (tmp_path / 'record.json').write_text('[1]')
    with pytest.raises(ValueError, match='is another'):
        own_set(tmp_path, names, 'record.json', ['tables'])


def test_a_name_that_was_cut_off_is_none(tmp_path):
    files = WrittenFiles(tmp_path)
    files.claim(['one'])
    with (tmp_path / WrittenFiles.LIST).open('a') as file:
        file.write('two')
    (tmp_path / 'two').touch()
    with pytest.raises(ValueError, match='as two'):
        WrittenFiles(tmp_path).claim(['two'])
    WrittenFiles(tmp_path).claim(['three'])
    assert set(WrittenFiles(tmp_path)) >= {'one', 'three'}


def test_only_a_file_with_our_stamp_is_replaceable(tmp_path):
    check_replaceable(tmp_path / 'new', False)
    (tmp_path / 'old').touch()
    check_replaceable(tmp_path / 'old', True)
    with pytest.raises(ValueError, match='old is another'):
        check_replaceable(tmp_path / 'old', False)


@pytest.mark.parametrize('content, ours', [
    (b'<head>' + PAGE_STAMP.encode(), True),
    (b'\x89PNG\r\n tEXtSoftware\0chtn_plugin', True),
    (b'my notes on chtn_plugin', False),
    (b' ' * 5000 + PAGE_STAMP.encode(), False)])
def test_a_page_or_a_picture_is_ours_by_its_stamp(tmp_path, content, ours):
    path = tmp_path / 'one'
    path.write_bytes(content)
    assert bears_stamp(path) == ours


def test_a_file_that_is_not_there_bears_no_stamp(tmp_path):
    assert not bears_stamp(tmp_path / 'one')


def test_a_file_is_of_a_kind_if_its_reader_takes_it(tmp_path):
    assert is_read_by(int, '12')
    assert not is_read_by(int, 'twelve')
