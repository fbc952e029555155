"""A study's worker processes, on every system."""
from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import (
    active_children,
    get_all_start_methods,
    get_context,
)
from multiprocessing.process import BaseProcess
from typing import Any

_given: Any = None


@contextmanager
def worker_pool(workers: int, give: Any = None
                ) -> Iterator[ProcessPoolExecutor]:
    """Open a pool of processes that Ctrl-C leaves to this one to end.

    Workers are forked where that can be done: they have at once what this
    process imported, methods of the user's own too. Windows has no fork;
    there each worker imports anew, and knows this package's methods only.

    Args:
        workers: Number of processes.
        give: What each worker has from :func:`given`, once, where arguments
            would be pickled for each task.
    """
    start = 'fork' if 'fork' in get_all_start_methods() else 'spawn'
    pool = ProcessPoolExecutor(workers, get_context(start), _begin, (give, ))
    try:
        yield pool
    except BaseException:
        # What runs would be waited for, minutes after Ctrl-C.
        pool.shutdown(wait=False, cancel_futures=True)
        _end(active_children())
        raise
    pool.shutdown()


def _end(workers: Sequence[BaseProcess]) -> None:
    """End processes, by force after ten seconds."""
    last = time.monotonic() + 10
    while alive := [worker for worker in workers if worker.is_alive()]:
        for worker in alive:
            # Again and again: one task may already wait behind the other.
            worker.terminate() if time.monotonic() < last else worker.kill()
            worker.join(.1)


def given() -> Any:
    """What the pool of this worker was made with."""
    return _given


def _begin(give: Any) -> None:
    # Ctrl-C reaches all processes of a terminal; this one ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Ended, a task still removes its temporary files.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    global _given
    _given = give
