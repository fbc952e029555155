"""Work on threads whose results come in order."""
from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Optional, TypeVar

S = TypeVar('S')
T = TypeVar('T')


def in_order(function: Callable[[S], T], items: Iterable[S],
             workers: int, ahead: Optional[int] = None) -> Iterator[T]:
    """Yield the result of each item in order, a few worked out ahead.

    A pool's own ``map`` begins with all of them at once: of a million items
    as many tasks, and every result that is not yet asked for, are memory.

    Args:
        function: What is done to each item.
        items: Are taken as they are needed.
        workers: Threads; 1 works without one.
        ahead: Items that are begun before the result of the first is asked
            for again. More keep all threads busy while one item takes long,
            and hold more results. None: as many as threads.
    """
    if workers == 1:
        yield from map(function, items)
        return
    with ThreadPoolExecutor(workers) as pool:
        begun: deque[Future[T]] = deque()
        try:
            for item in items:
                begun.append(pool.submit(function, item))
                if len(begun) > (ahead or workers):
                    yield begun.popleft().result()
            while begun:
                yield begun.popleft().result()
        finally:
            for future in begun:
                future.cancel()
