"""A study's worker processes, on every system."""
from __future__ import annotations

import signal
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_all_start_methods, get_context


def worker_pool(workers: int) -> ProcessPoolExecutor:
    """Return a pool of processes that Ctrl-C leaves to this one to end.

    Workers are forked where that can be done: they have at once what this
    process imported, methods of the user's own too. Windows has no fork;
    there each worker imports anew, and knows this package's methods only.

    Args:
        workers: Number of processes.
    """
    start = 'fork' if 'fork' in get_all_start_methods() else 'spawn'
    # Ctrl-C reaches all processes of a terminal; this one ends the others.
    return ProcessPoolExecutor(workers, get_context(start), signal.signal,
                               (signal.SIGINT, signal.SIG_IGN))
