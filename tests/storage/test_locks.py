"""One process at a time writes into a folder."""
from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys

import pytest

from chtn_plugin.storage.locks import FolderLock

HOLD = """
import os, sys, time
from chtn_plugin.storage.locks import FolderLock
lock = FolderLock(sys.argv[1], 'rule', 'advice')
lock.acquire()
if sys.argv[2:] == ['fork'] and os.fork() == 0:
    os.write(1, f'{os.getpid()}\\n'.encode())
    time.sleep(60)
os.write(1, b'held\\n')
time.sleep(60)
"""


def lock_of(folder):
    return FolderLock(folder, 'a folder has one writer', 'Wait for it.')


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock of a folder."""
    process = subprocess.Popen([sys.executable, '-c', HOLD, str(tmp_path)],
                               stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == 'held\n'
    yield process
    process.kill()
    process.wait()


def test_a_second_writer_is_refused_and_told_who_is_the_first(tmp_path,
                                                              holder):
    with pytest.raises(BlockingIOError, match=(
            f'a folder has one writer: .* is in use by process {holder.pid} '
            r'on .* since \d{4}-.*\. Wait for it\.')):
        lock_of(tmp_path).acquire()


def test_the_lock_of_a_killed_process_is_free_at_once(tmp_path, holder):
    holder.kill()
    holder.wait()
    with lock_of(tmp_path):
        pass


@pytest.mark.skipif('fork' not in multiprocessing.get_all_start_methods(),
                    reason='no fork here')
def test_a_worker_that_outlives_its_killed_parent_holds_nothing(tmp_path):
    process = subprocess.Popen(
        [sys.executable, '-c', HOLD, str(tmp_path), 'fork'],
        stdout=subprocess.PIPE, text=True)
    lines = [process.stdout.readline() for _ in range(2)]
    worker = int(next(line for line in lines if line != 'held\n'))
    process.kill()
    process.wait()
    try:
        os.kill(worker, 0)
        with lock_of(tmp_path):
            pass
    finally:
        os.kill(worker, signal.SIGKILL)


def test_a_released_lock_can_be_taken(tmp_path):
    lock = lock_of(tmp_path)
    lock.acquire()
    lock.release()
    lock.release()
    with lock_of(tmp_path):
        pass


def test_a_lock_file_that_is_left_is_no_lock(tmp_path):
    (tmp_path / '.lock').touch()
    (tmp_path / '.lock.json').write_text('{"pid": 1}')
    with lock_of(tmp_path):
        pass
