"""Rank tables of many queries, a tile at a time."""
from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Optional

import numpy as np

from .rank_table import (
    RankTable,
    check_tie_rule,
    group_ties,
    item_ranks,
    stable_ranks,
)
from .relevance import Relevance
from .similarity import Similarity


def rank_tables(similarity: Similarity,
                relevance: Relevance,
                ties: str = 'group',
                tiles: Optional[Iterable[int]] = None,
                chunk: Optional[int] = None,
                threads: int = 1,
                compiled: Optional[bool] = None,
                progress: bool = False
                ) -> Iterator[tuple[slice, RankTable]]:
    """Rank every query's relevant items, exactly, a tile at a time.

    No matrix of all queries by the gallery is ever held.

    Args:
        similarity: Scores of Q queries against G items.
        relevance: Which of the G items answer which of the Q queries.
        ties: ``'stable'`` breaks ties by gallery order.
        tiles: Numbers of the tiles to rank. None: all.

    Yields:
        The queries of the tile and their table.
    """
    check_tie_rule(ties)
    queries, _ = similarity.shape
    similarity.load(relevance.order)
    buffer = similarity.empty_tile()
    if tiles is None:
        tiles = range(-(-queries // similarity.tile))
    for tile in tiles:
        start = tile * similarity.tile
        stop = min(start + similarity.tile, queries)
        scores = similarity.scores(start, buffer)[:stop - start].cpu().numpy()
        yield slice(start, stop), _tile_table(scores, relevance, start, ties)


def _tile_table(scores: np.ndarray, relevance: Relevance, start: int,
                ties: str) -> RankTable:
    before, size, counts = [], [], []
    order = relevance.order
    for row, query in zip(scores, range(start, start + len(scores)),
                          strict=True):
        if relevance.same is not None:
            own = relevance.same[query]
            row[own if order is None else np.flatnonzero(order == own)] = (
                -np.inf)
        wanted = (relevance.answers(query) if order is None else
                  slice(relevance.starts[query], relevance.stops[query]))
        row_before, row_size = item_ranks(row, wanted)
        if ties == 'stable' and (row_size > 1).any():
            in_file = row
            if order is not None:
                in_file = np.empty_like(row)
                in_file[order] = row
            row_before, row_size = stable_ranks(in_file,
                                                relevance.answers(query))
        before.append(row_before)
        size.append(row_size)
        counts.append(len(row_before))
    offsets = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
    return group_ties(np.concatenate(before), np.concatenate(size), offsets,
                      relevance.gallery_size)
