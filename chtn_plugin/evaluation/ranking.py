"""Build rank tables of many queries, a tile of scores at a time."""
from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Optional, TypeVar

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from .counting import count_tile, use_compiled
from .counting_device import count_tile_on_device
from .rank_table import RankTable, check_tie_rule, group_ties, stable_ranks
from .relevance import Relevance
from .similarity import Similarity

T = TypeVar('T')


def rank_tiles(similarity: Similarity,
               relevance: Relevance,
               measure: Callable[[RankTable], T],
               ties: str = 'group',
               tiles: Optional[Iterable[int]] = None,
               chunk: Optional[int] = None,
               threads: Optional[int] = None,
               compiled: Optional[bool] = None,
               progress: bool = False) -> Iterator[tuple[slice, T]]:
    """Rank every query's relevant items, exactly, and measure the ranks.

    No matrix of all queries by the gallery is ever held.

    Args:
        similarity: Scores of Q queries against G items.
        relevance: Which of the G items answer which of the Q queries.
        measure: What to make of the rank table of a chunk of queries.
        ties: ``'stable'`` breaks ties by gallery order.
        tiles: Numbers of the tiles to rank. None: all.
        chunk: Most queries in one table. None: a tile's.
        threads: Threads that rank, each with single-threaded products.
            None: as many as torch uses.
        compiled: Use the compiled counter; None: where it pays.
        progress: Show a progress bar.

    Yields:
        Which queries were ranked and what the measure returned, in order.
    """
    check_tie_rule(ties)
    if chunk is not None and chunk < 1:
        raise ValueError(f'chunk must be at least 1, got {chunk}')
    if threads is not None and threads < 1:
        raise ValueError(f'threads must be at least 1, got {threads}')
    queries, gallery = similarity.shape
    on_device = similarity.device.type != 'cpu'
    if not on_device:
        compiled = use_compiled(compiled, queries * gallery)
    similarity.load(relevance.order)
    if tiles is None:
        tiles = range(-(-queries // similarity.tile))
    todo = list(tiles)
    buffers = threading.local()

    def rank(tile: int) -> list[tuple[slice, T]]:
        start = tile * similarity.tile
        stop = min(start + similarity.tile, queries)
        if not hasattr(buffers, 'scores'):
            buffers.scores = similarity.empty_tile()
        with single_threaded(not on_device):
            scores = similarity.scores(start, buffers.scores)
        step = chunk or similarity.tile
        done = []
        for first in range(start, stop, step):
            last = min(first + step, stop)
            table = _table(scores[first - start:last - start], relevance,
                           first, ties, bool(compiled))
            done.append((slice(first, last), measure(table)))
        return done

    workers = 1 if on_device else min(threads or torch.get_num_threads(),
                                      max(1, len(todo)))
    with tqdm(total=len(todo), disable=not progress, delay=2,
              unit='tile', desc=f'{queries} x {gallery}') as bar:
        for done in _in_order(rank, todo, workers):
            bar.update()
            yield from done


def _in_order(function: Callable[[int], T], items: list[int],
              workers: int) -> Iterator[T]:
    """Results in order, a few ahead, so that few wait in memory."""
    if workers == 1:
        yield from map(function, items)
        return
    with ThreadPoolExecutor(workers) as pool:
        ahead: deque[Future] = deque()
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


@contextmanager
def single_threaded(wanted: bool = True) -> Iterator[None]:
    """Run torch on one thread of its own within the calling thread."""
    before = torch.get_num_threads()
    if not wanted or before == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _table(scores: Tensor, relevance: Relevance, first: int, ties: str,
           compiled: bool) -> RankTable:
    """Table of a few queries, the first of which is number ``first``."""
    queries = np.arange(first, first + len(scores))
    if relevance.own_column is not None:
        own = torch.from_numpy(relevance.own_column[queries])
        scores[torch.arange(len(scores)), own.to(scores.device)] = -torch.inf
    if relevance.order is not None:
        starts = relevance.starts[queries]
        stops = relevance.stops[queries]
    else:
        scores, starts, stops = _relevant_first(
            scores, relevance.mask(queries))
    if scores.device.type != 'cpu':
        before, size, offsets = count_tile_on_device(scores, starts, stops)
    else:
        before, size, offsets = count_tile(scores.numpy(), starts, stops,
                                           compiled)
    if ties == 'stable' and (size > 1).any():
        _break_ties(scores, relevance, queries, before, size, offsets)
    return group_ties(before, size, offsets, relevance.gallery_size)


def _relevant_first(scores: Tensor, mask: np.ndarray
                    ) -> tuple[Tensor, np.ndarray, np.ndarray]:
    """Rows with the scores of relevant items moved to the front."""
    stops = mask.sum(1)
    order = np.argsort(~mask, axis=1, kind='stable')
    moved = torch.take_along_dim(
        scores, torch.from_numpy(order).to(scores.device), 1)
    return moved, np.zeros_like(stops), stops


def _break_ties(scores: Tensor, relevance: Relevance, queries: np.ndarray,
                before: np.ndarray, size: np.ndarray,
                offsets: np.ndarray) -> None:
    """Rank the relevant items of queries with ties by file order."""
    tied = np.add.reduceat(np.append(size, 0) > 1, offsets[:-1]) > 0
    tied &= np.diff(offsets) > 0
    for row in np.flatnonzero(tied).tolist():
        moved = scores[row].cpu().numpy()
        in_file = np.empty_like(moved)
        if relevance.order is not None:
            answers = relevance.answers(queries[row])
            in_file[relevance.order] = moved
        else:
            mask = relevance.mask(queries[row:row + 1])[0]
            answers = np.flatnonzero(mask)
            in_file[np.argsort(~mask, kind='stable')] = moved
        part = slice(offsets[row], offsets[row + 1])
        before[part], size[part] = stable_ranks(in_file, answers)
