"""Build rank tables of many queries, a tile of scores at a time."""
from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Optional, TypeVar

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from .._threads import in_order
from .counting import count_tile, use_compiled
from .counting_device import count_tile_on_device
from .rank_table import (
    RankTable,
    check_tie_rule,
    file_order_ranks,
    group_ties,
)
from .relevance import Relevance
from .similarity import Similarity

T = TypeVar('T')


def rank_tiles(similarity: Similarity,
               relevance: Relevance,
               measure: Callable[..., T],
               ties: str | Sequence[str] = 'group',
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
        measure: What to make of a chunk of queries; gets their rank table
            under each of the tie rules.
        ties: Tie rule, or several. ``'stable'`` breaks ties by gallery
            order.
        tiles: Numbers of the tiles to rank. None: all.
        chunk: Most queries in one table. None: a tile's.
        threads: Threads that rank, each with single-threaded products.
            None: as many as torch uses.
        compiled: Use the compiled counter; None: where it pays.
        progress: Show a progress bar.

    Yields:
        Which queries were ranked and what the measure returned, in order.
    """
    rules = (ties, ) if isinstance(ties, str) else tuple(ties)
    for rule in rules:
        check_tie_rule(rule)
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
            tables = _tables(scores[first - start:last - start], relevance,
                             first, rules, bool(compiled))
            done.append((slice(first, last), measure(*tables)))
        return done

    workers = 1 if on_device else min(threads or torch.get_num_threads(),
                                      max(1, len(todo)))
    with tqdm(total=len(todo), disable=not progress, delay=2,
              unit='tile', desc=f'{queries} x {gallery}') as bar:
        for done in in_order(rank, todo, workers):
            bar.update()
            yield from done


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


def _tables(scores: Tensor, relevance: Relevance, first: int,
            rules: tuple[str, ...], compiled: bool) -> list[RankTable]:
    """Tables of a few queries, the first of which is number ``first``."""
    queries = np.arange(first, first + len(scores))
    if relevance.own_column is not None:
        own = torch.from_numpy(relevance.own_column[queries])
        scores[torch.arange(len(scores)), own.to(scores.device)] = -torch.inf
    in_file = None
    if relevance.order is not None:
        starts = relevance.starts[queries]
        stops = relevance.stops[queries]
    else:
        mask = relevance.mask(queries)
        in_file = np.argsort(~mask, axis=1, kind='stable')
        scores = torch.take_along_dim(
            scores, torch.from_numpy(in_file).to(scores.device), 1)
        stops = mask.sum(1)
        starts = np.zeros_like(stops)
    if scores.device.type != 'cpu':
        before, size, offsets = count_tile_on_device(scores, starts, stops)
    else:
        before, size, offsets = count_tile(scores.numpy(), starts, stops,
                                           compiled)
    by_rule = {'group': group_ties(before, size, offsets,
                                   relevance.gallery_size)}
    if 'stable' in rules:
        by_rule['stable'] = by_rule['group']
        tied = np.flatnonzero(size > 1)
        if len(tied):
            before, size = before.copy(), size.copy()
            rows = np.unique(np.searchsorted(offsets, tied, 'right') - 1)
            for row in rows.tolist():
                part = slice(offsets[row], offsets[row + 1])
                order = relevance.order if in_file is None else in_file[row]
                assert order is not None
                before[part] = file_order_ranks(
                    scores[row].cpu().numpy(), order, starts[row],
                    stops[row], before[part], size[part])
            size[:] = 1
            by_rule['stable'] = group_ties(before, size, offsets,
                                           relevance.gallery_size)
    return [by_rule['stable' if rule == 'stable' else 'group']
            for rule in rules]
