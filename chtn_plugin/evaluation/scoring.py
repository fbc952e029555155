"""Embeddings in, figures out: the one place where scoring happens."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Optional

import numpy as np
import torch
from mmengine.dist import get_dist_info

from .curves import CurveSums
from .embeddings import Embeddings
from .host_gathering import all_gather_on_host
from .protocols import DIRECTIONS, Protocol, get_protocol
from .rank_table import RankTable
from .ranking import rank_tiles
from .relevance import Relevance
from .similarity import Similarity
from .splits import SPLITS, Split

_PARTS = {'i': 'image', 't': 'text'}


@dataclass
class Score:
    """What one protocol says of one direction.

    Attributes:
        protocol: The protocol.
        direction: ``'i2t'``: images are the queries, texts the gallery.
        query_ids: Names of the queries, (Q,).
        values: Value of each query, NaN where nothing is relevant, (Q,).
        chance: Expected value of each query under a random ranking, (Q,).
        labels: Classes of the queries, (Q,) or 0/1 (Q, C).
        tie_share: Share of the relevant items of all queries whose score
            another gallery item has too, in [0, 1].
        gallery: Items that a query is ranked against.
        curve: Precision and recall, for protocols that have a curve.
    """
    protocol: Protocol
    direction: str
    query_ids: np.ndarray
    values: np.ndarray
    chance: np.ndarray
    labels: np.ndarray
    tie_share: float
    gallery: int
    curve: dict[str, list[float]] = field(default_factory=dict)

    @property
    def answered(self) -> np.ndarray:
        """Whether a query has a relevant item, (Q,)."""
        return ~np.isnan(self.values)

    @property
    def value(self) -> float:
        """The figure; NaN if no query has a relevant item."""
        return self.average(self.values)

    @property
    def chance_value(self) -> float:
        """The figure that a random ranking is expected to reach."""
        return self.average(self.chance)

    def average(self, values: np.ndarray) -> float:
        """Average values of the queries as the protocol does."""
        if self.protocol.macro:
            of_class = self.by_class(values)
            return float(np.mean(list(of_class.values())))
        values = values[self.answered]
        return float(values.mean()) if len(values) else float('nan')

    def by_class(self, values: Optional[np.ndarray] = None
                 ) -> dict[int | str, float]:
        """Mean over the queries of each class, by class in order."""
        values = self.values if values is None else values
        answered = self.answered
        return {c: float(values[member & answered].mean())
                for c, member in self.members() if (member & answered).any()}

    def members(self) -> Iterator[tuple[int | str, np.ndarray]]:
        """Each class, with whether a query belongs to it, (Q,)."""
        if self.labels.ndim == 2:
            for column in range(self.labels.shape[1]):
                yield column, self.labels[:, column].astype(bool)
        else:
            for label in np.unique(self.labels).tolist():
                yield label, self.labels == label


@dataclass
class DirectionTask:
    """The queries and the gallery of one direction, ready to be ranked.

    Attributes:
        similarity: Scores of the Q queries against the G items.
        relevance: Which items answer which query.
        query_ids: Names of the queries, (Q,).
        gallery_ids: Names of the items, (G,).
        labels: Classes of the queries, (Q,) or 0/1 (Q, C).
    """
    similarity: Similarity
    relevance: Relevance
    query_ids: np.ndarray
    gallery_ids: np.ndarray
    labels: np.ndarray


def score_embeddings(embeddings: Embeddings,
                     protocols: Sequence[str | Protocol],
                     directions: Sequence[str] = ('i2t', 't2i'),
                     device: Optional[str | torch.device] = None,
                     chunk: Optional[int] = None,
                     threads: Optional[int] = None,
                     compiled: Optional[bool] = None,
                     float64: Optional[bool] = None,
                     distributed: bool = False,
                     progress: bool = False) -> list[Score]:
    """Score embeddings under protocols.

    Args:
        embeddings: What to score.
        protocols: Names or protocols.
        directions: Of ``'i2t'``, ``'t2i'``, ``'i2i'``, ``'t2t'``.
        device: Where similarities are computed. None: the processor.
        chunk: Most queries ranked at once. None: as fits the memory bound.
        threads: Threads that rank. None: as many as torch uses.
        compiled: Use the compiled counter. None: where it is installed and
            the work is large enough to earn its start. The counts are equal.
        float64: As for :class:`Similarity`.
        distributed: Share the queries out over the ranks; every rank then
            returns the same scores.
        progress: Show a progress bar.

    Returns:
        One score per protocol and direction, protocol by protocol.

    Raises:
        ValueError: Embeddings or labels are wrong or missing, a strict
            protocol meets a query without relevant item, or the items are
            not those of the protocol's split.
        KeyError: Unknown protocol or direction.
    """
    known = [get_protocol(p) if isinstance(p, str) else p for p in protocols]
    scores: dict[tuple[Protocol, str], Score] = {}
    for direction in directions:
        for passed in _passes(known):
            for score in _score_pass(
                    embeddings, passed, direction, device, chunk, threads,
                    compiled, float64, distributed, progress):
                scores[score.protocol, direction] = score
    return [scores[p, d] for p in known for d in directions]


def _passes(protocols: Sequence[Protocol]) -> list[list[Protocol]]:
    """Protocols that one ranking of the gallery serves."""
    groups: dict[tuple, list[Protocol]] = {}
    for p in dict.fromkeys(protocols):
        key = (p.split, p.similarity, p.ties == 'stable')
        groups.setdefault(key, []).append(p)
    return list(groups.values())


def direction_task(embeddings: Embeddings, protocol: Protocol,
                   direction: str,
                   device: Optional[str | torch.device] = None,
                   float64: Optional[bool] = None) -> DirectionTask:
    """Queries and gallery of a direction under a protocol.

    Raises:
        ValueError: Embeddings or labels are wrong or missing, or not those
            of the protocol's split.
        KeyError: Unknown direction.
    """
    if direction not in DIRECTIONS:
        raise KeyError('a direction must be one of '
                       f'{", ".join(DIRECTIONS)}, got {direction!r}')
    if protocol.split is not None:
        embeddings = _select(embeddings, SPLITS[protocol.split])
    source, target = (_PARTS[letter] for letter in direction[::2])
    query, labels, query_ids = embeddings.part(source)
    searched = embeddings.gallery or embeddings
    gallery, gallery_labels, gallery_ids = searched.part(target)
    if query is None or not len(query):
        raise ValueError(f'{direction} needs {source} embeddings, got none')
    if gallery is None or not len(gallery):
        raise ValueError(f'{direction} needs {target} embeddings, got none')
    if labels is None or gallery_labels is None:
        raise ValueError(f'scoring needs labels: {direction} got embeddings '
                         'without any')
    same = (np.arange(len(query)) if source == target
            and searched is embeddings else None)
    try:
        similarity = Similarity(query, gallery, protocol.similarity, device,
                                float64)
    except ValueError as error:
        raise ValueError(f'{direction} ({source} to {target}): {error}'
                         ) from None
    return DirectionTask(
        similarity, Relevance(labels, gallery_labels, same),
        np.arange(len(query)) if query_ids is None else
        np.asarray(query_ids),
        np.arange(len(gallery)) if gallery_ids is None else
        np.asarray(gallery_ids), np.asarray(labels))


def _select(embeddings: Embeddings, split: Split) -> Embeddings:
    if embeddings.gallery is not None:
        raise ValueError(f'split {split.name} has no separate gallery')
    members = []
    for part in _PARTS.values():
        rows, labels, _ = embeddings.part(part)
        members.append(slice(None) if rows is None
                       else split.members(np.asarray(labels)))
    return embeddings.select(*members)


def _score_pass(embeddings: Embeddings, protocols: list[Protocol],
                direction: str, device: Optional[str | torch.device],
                chunk: Optional[int], threads: Optional[int],
                compiled: Optional[bool], float64: Optional[bool],
                distributed: bool, progress: bool) -> list[Score]:
    task = direction_task(embeddings, protocols[0], direction, device,
                          float64)
    similarity, relevance = task.similarity, task.relevance
    counts, ids = relevance.counts(), task.query_ids
    for protocol in protocols:
        if protocol.strict and not counts.all():
            lost = ids[counts == 0]
            raise ValueError(
                f'{protocol.name}, {direction}: every query must have a '
                f'relevant item, {len(lost)} have none, such as '
                f'{lost[:5].tolist()}')
    rank, world = get_dist_info() if distributed else (0, 1)
    tiles = -(-len(ids) // similarity.tile)
    values = np.full((len(protocols), len(ids)), np.nan)
    tied = np.zeros(len(ids), dtype=np.int64)
    sums = [CurveSums.of(p.base, relevance.gallery_size) for p in protocols]

    def measure(table: RankTable) -> tuple[
            np.ndarray, np.ndarray, list[Optional[CurveSums]]]:
        curves = [CurveSums.of(p.base, relevance.gallery_size)
                  for p in protocols]
        for curve in curves:
            if curve is not None:
                curve.add(table)
        return (np.stack([p.values(table) for p in protocols]),
                table.tied_items(), curves)

    for which, (value, tie, curves) in rank_tiles(
            similarity, relevance, measure,
            'stable' if protocols[0].ties == 'stable' else 'group',
            range(rank, tiles, world), chunk, threads, compiled, progress):
        values[:, which], tied[which] = value, tie
        for total, part in zip(sums, curves, strict=True):
            if total is not None and part is not None:
                total.include(part)
    if world > 1:
        _gather(values, tied, sums, rank, world, similarity.tile)
    share = float(tied.sum() / max(1, counts.sum()))
    return [
        Score(protocol, direction, ids, values[row],
              protocol.chance(counts, relevance.gallery_size),
              task.labels, share, relevance.gallery_size,
              {} if curve is None else curve.points())
        for row, (protocol, curve) in enumerate(zip(protocols, sums,
                                                    strict=True))]


def _gather(values: np.ndarray, tied: np.ndarray,
            sums: list[Optional[CurveSums]], rank: int, world: int,
            tile: int) -> None:
    """Put the shares of all ranks together, on every rank."""
    owner = np.arange(len(tied)) // tile % world
    mine = owner == rank
    shares = all_gather_on_host((values[:, mine], tied[mine], sums))
    for other, (its_values, its_tied, its_sums) in enumerate(shares):
        values[:, owner == other] = its_values
        tied[owner == other] = its_tied
        if other != rank:
            for total, part in zip(sums, its_sums, strict=True):
                if total is not None and part is not None:
                    total.include(part)
