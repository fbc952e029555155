"""Work on threads whose results come in order."""
from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

S = TypeVar('S')
T = TypeVar('T')


def in_order(function: Callable[[S], T], items: Iterable[S],
             workers: int) -> Iterator[T]:
    """Yield the result of each item in order, a few worked out ahead.

    A pool's own ``map`` begins with all of them at once: of a million items
    as many tasks, and every result that is not yet asked for, are memory.

    Args:
        function: What is done to each item.
        items: Are taken as they are needed.
        workers: Threads; 1 works without one.
    """
    if workers == 1:
        yield from map(function, items)
        return
    with ThreadPoolExecutor(workers) as pool:
        ahead: deque[Future[T]] = deque()
        try:
            for item in items:
                ahead.append(pool.submit(function, item))
                if len(ahead) > workers:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            for future in ahead:
                future.cancel()
