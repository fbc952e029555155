"""A study's worker processes, on every system."""
from __future__ import annotations

import signal
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_all_start_methods, get_context
from typing import Any

_given: Any = None


def worker_pool(workers: int, give: Any = None) -> ProcessPoolExecutor:
    """Return a pool of processes that Ctrl-C leaves to this one to end.

    Workers are forked where that can be done: they have at once what this
    process imported, methods of the user's own too. Windows has no fork;
    there each worker imports anew, and knows this package's methods only.

    Args:
        workers: Number of processes.
        give: What each worker has from :func:`given`, once, where arguments
            would be pickled for each task.
    """
    start = 'fork' if 'fork' in get_all_start_methods() else 'spawn'
    return ProcessPoolExecutor(workers, get_context(start), _begin, (give, ))


def given() -> Any:
    """What the pool of this worker was made with."""
    return _given


def _begin(give: Any) -> None:
    # Ctrl-C reaches all processes of a terminal; this one ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    global _given
    _given = give
