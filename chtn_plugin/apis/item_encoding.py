"""Encode pictures and texts, batch by batch, leaving out unreadable ones."""
from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
from tqdm import tqdm

from .gallery_sources import KINDS, Item

Batch = tuple[str, Sequence[Item]]
# Whole batches that wait, loaded, for the model.
_AHEAD = 2


def encode_items(encoder: Any, items: Sequence[Item], progress: bool,
                 workers: int = 0
                 ) -> Iterator[tuple[list[Item], np.ndarray,
                                     list[tuple[str, str]]]]:
    """Encode items, leaving out pictures that cannot be read.

    Args:
        encoder: The inferencer.
        items: What to encode.
        progress: Show a bar.
        workers: Threads that load pictures while the model computes; the
            decoders and resizing run beside each other there. 0: pictures
            are loaded when the model wants them.

    Yields:
        Items, their vectors (B, D) and left-out (name, reason) of a batch,
        in which all items are of one kind.

    Raises:
        ValueError: ``workers`` is negative.
    """
    if workers < 0:
        raise ValueError(f'workers must be 0 or more, got {workers}')
    batches: list[Batch] = []
    for kind in KINDS:
        members = [item for item in items if item['kind'] == kind]
        batches += [(kind, members[start:start + encoder.batch_size])
                    for start in range(0, len(members), encoder.batch_size)]
    with tqdm(total=len(items), desc='encode', disable=not progress or None,
              unit='item') as bar:
        for (kind, batch), results in _loaded(encoder, batches, workers):
            kept, inputs, skipped = [], [], []
            for item, result in zip(batch, results, strict=True):
                try:
                    inputs.append(result())
                except (OSError, ValueError) as error:
                    skipped.append((item['id'], str(error)))
                else:
                    kept.append(item)
            bar.update(len(batch))
            rows = (encoder.encode_batch(kind, inputs)['repr'] if kept
                    else np.zeros((0, 1), np.float32))
            yield kept, rows, skipped


def _loaded(encoder: Any, batches: Sequence[Batch], workers: int
            ) -> Iterator[tuple[Batch, list[Callable[[], Any]]]]:
    """Batches in order, with a call for each item that gives its input."""
    def load(item: Item) -> Any:
        return (item['text'] if item['kind'] == 'text' else
                encoder.load_image(item['path']))

    if not workers:
        for batch in batches:
            yield batch, [partial(load, item) for item in batch[1]]
        return
    with _stopped_at_exit(ThreadPoolExecutor(workers)) as pool:
        waiting: deque[tuple[Batch, list[Future]]] = deque()
        for batch in batches:
            waiting.append((batch, [pool.submit(load, item)
                                    for item in batch[1]]))
            if len(waiting) > _AHEAD:
                first, futures = waiting.popleft()
                yield first, [future.result for future in futures]
        while waiting:
            first, futures = waiting.popleft()
            yield first, [future.result for future in futures]


@contextmanager
def _stopped_at_exit(pool: ThreadPoolExecutor
                     ) -> Iterator[ThreadPoolExecutor]:
    """A pool whose waiting tasks are dropped when an error ends the work."""
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
