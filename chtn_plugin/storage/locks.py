"""Keep a folder to one writing process at a time, on every system."""
from __future__ import annotations

import json
import os
import platform
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Optional

from filelock import FileLock, Timeout

from .files import atomic_write

#: The lock itself, and who has it. Both stay: only the lock in the operating
#: system counts, and that ends with its process, however it ends.
LOCK = '.lock'
_WRITER = '.lock.json'


class FolderLock:
    """The right to write into a folder, which one process has at a time.

    The operating system holds it, so that a process that was killed holds
    nothing. On file systems without locks ``filelock`` goes by the process
    in the lock file, and takes the lock of one that is gone.

    Args:
        folder: The folder; it is made.
        rule: What the message says first.
        advice: What it says last.
    """

    def __init__(self, folder: str | Path, rule: str, advice: str) -> None:
        self.folder = Path(folder)
        self.rule = rule
        self.advice = advice
        self._lock: Optional[Any] = None

    def acquire(self, seconds: float = 0.) -> None:
        """Take the lock, or refuse, by default at once.

        Args:
            seconds: How long to wait for whoever has it.

        Raises:
            BlockingIOError: Another process has it; the message names it.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(str(self.folder / LOCK))
        try:
            lock.acquire(timeout=seconds)
        except Timeout as error:
            raise BlockingIOError(f'{self.rule}: {self.folder} is in use by '
                                  f'{self._holder()}. {self.advice}'
                                  ) from error
        self._lock = lock
        writer = dict(pid=os.getpid(), host=platform.node(),
                      since=time.strftime('%Y-%m-%d %H:%M:%S'))
        with atomic_write(self.folder / _WRITER, 'w', 'utf-8') as file:
            json.dump(writer, file)

    def release(self) -> None:
        """Give the lock back; without one this does nothing."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> FolderLock:
        self.acquire()
        return self

    def __exit__(self, kind: Optional[type[BaseException]],
                 error: Optional[BaseException],
                 traceback: Optional[TracebackType]) -> None:
        self.release()

    def _holder(self) -> str:
        try:
            writer = json.loads((self.folder / _WRITER).read_text('utf-8'))
            return (f'process {writer["pid"]} on {writer["host"]} since '
                    f'{writer["since"]}')
        except (OSError, ValueError, KeyError, TypeError):
            return 'another process'
