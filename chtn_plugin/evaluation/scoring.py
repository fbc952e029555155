"""Score embeddings under protocols; every figure is computed here."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Optional

import numpy as np
import torch
from mmengine.dist import get_dist_info

from ..losses.host_gathering import all_gather_on_host
from .curves import CurveSums
from .direction_task import SIDES, direction_task, of_split
from .embeddings import Embeddings
from .protocols import Protocol, get_protocol
from .rank_table import RankTable
from .ranking import rank_tiles
from .relevance import has_class, label_array


@dataclass
class Score:
    """What one protocol says of one direction.

    Attributes:
        protocol: The protocol.
        direction: ``'i2t'``: images are the queries, texts the gallery.
        query_ids: Names of the queries, (Q,).
        values: Value of each query, NaN where nothing is relevant or the
            query has no class (no partner, under a pair protocol), (Q,).
        chance: Expected value of each query under a random ranking, (Q,).
        labels: Classes of the queries, (Q,) or 0/1 (Q, C). None: unknown.
        tie_share: Share of the relevant items of all queries whose score
            another gallery item has too, in [0, 1].
        gallery: Items that a query is ranked against.
        curve: Precision and recall, for protocols that have a curve.
        unlabelled: Queries without a class (or partner); none of them is
            answered, and without a class they are not searched either.
        asked: Name of the protocol that was asked for: without the
            similarity where that is the embeddings' own.
    """
    protocol: Protocol
    direction: str
    query_ids: np.ndarray
    values: np.ndarray
    chance: np.ndarray
    labels: Optional[np.ndarray]
    tie_share: float
    gallery: int
    curve: dict[str, list[float]] = field(default_factory=dict)
    unlabelled: int = 0
    asked: str = ''

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
            of_class = list(self.by_class(values).values())
            return float(np.mean(of_class)) if of_class else float('nan')
        return self._mean(values[self.answered])

    def by_class(self, values: Optional[np.ndarray] = None
                 ) -> dict[int | str, float]:
        """Average over the queries of each class, by class in order."""
        values = self.values if values is None else values
        answered = self.answered
        return {c: self._mean(values[member & answered])
                for c, member in self.members() if (member & answered).any()}

    def _mean(self, values: np.ndarray) -> float:
        if not len(values):
            return float('nan')
        return float(np.median(values) if self.protocol.formula.median
                     else values.mean())

    def members(self) -> Iterator[tuple[int | str, np.ndarray]]:
        """Yield each class, with whether a query belongs to it, (Q,)."""
        if self.labels is None:
            return
        if self.labels.ndim == 2:
            for column in range(self.labels.shape[1]):
                yield column, self.labels[:, column].astype(bool)
        else:
            known = self.labels[has_class(self.labels)]
            for label in np.unique(known).tolist():
                yield label, self.labels == label


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

    A protocol that names no similarity takes the one in the embeddings'
    ``meta['similarity']``, and cosine where they say nothing; the protocol of
    a score names the one that was used.

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
            scored = _score_pass(
                embeddings, passed, direction, device, chunk, threads,
                compiled, float64, distributed, progress)
            for protocol, score in zip(passed, scored, strict=True):
                score.asked = protocol.name
                scores[protocol, direction] = score
    return [scores[p, d] for p in known for d in directions]


def _passes(protocols: Sequence[Protocol]) -> list[list[Protocol]]:
    """Protocols that one ranking of the gallery serves."""
    groups: dict[tuple, list[Protocol]] = {}
    for p in dict.fromkeys(protocols):
        key = (p.split, p.similarity, p.formula.pairs)
        groups.setdefault(key, []).append(p)
    return list(groups.values())


def _score_pass(embeddings: Embeddings, protocols: list[Protocol],
                direction: str, device: Optional[str | torch.device],
                chunk: Optional[int], threads: Optional[int],
                compiled: Optional[bool], float64: Optional[bool],
                distributed: bool, progress: bool) -> list[Score]:
    task = direction_task(embeddings, protocols[0], direction, device,
                          float64)
    similarity, relevance = task.similarity, task.relevance
    counts, ids = relevance.counts(), task.query_ids
    protocols = [p.under(similarity.kind) for p in protocols]
    for protocol in protocols:
        if protocol.strict and not counts.all():
            lost = ids[counts == 0]
            raise ValueError(
                f'{protocol.name}, {direction}: every query must have a '
                f'relevant item, {len(lost)} have none, such as '
                f'{lost[:5].tolist()}')
    rank, world = get_dist_info() if distributed else (0, 1)
    tiles = -(-len(ids) // similarity.tile) if (
        relevance.gallery_size > 0) else 0
    values = np.full((len(protocols), len(ids)), np.nan)
    tied = np.zeros(len(ids), dtype=np.int64)
    rules = ['group'] + ['stable'] * any(p.ties == 'stable'
                                         for p in protocols)
    sums = [CurveSums.of(p.base, relevance.gallery_size) for p in protocols]

    def measure(*tables: RankTable) -> tuple[
            np.ndarray, np.ndarray, list[Optional[CurveSums]]]:
        of_rule = dict(zip(rules, tables, strict=True))
        curves = [CurveSums.of(p.base, relevance.gallery_size)
                  for p in protocols]
        values = []
        for protocol, curve in zip(protocols, curves, strict=True):
            table = of_rule['stable' if protocol.ties == 'stable' else
                            'group']
            values.append(protocol.values(table))
            if curve is not None:
                curve.add(table)
        return np.stack(values), tables[0].tied_items(), curves

    for which, (value, tie, curves) in rank_tiles(
            similarity, relevance, measure, rules,
            range(rank, tiles, world), chunk, threads, compiled, progress):
        values[:, which], tied[which] = value, tie
        for total, part in zip(sums, curves, strict=True):
            if total is not None and part is not None:
                total.include(part)
    if world > 1:
        _gather(values, tied, sums, rank, world, similarity.tile)
    share = float(tied.sum() / max(1, counts.sum()))
    source = SIDES[direction[0]]
    _, labels, all_ids = of_split(embeddings, protocols[0]).part(source)
    all_ids = (np.arange(len(task.asked)) if all_ids is None
               else np.asarray(all_ids))
    if labels is not None:
        labels = label_array(labels)
    unlabelled = int((~task.asked).sum())
    return [
        Score(protocol, direction, all_ids, _spread(values[row], task.asked),
              _spread(protocol.chance(counts, relevance.gallery_size),
                      task.asked),
              labels, share, relevance.gallery_size,
              {} if curve is None else curve.points(), unlabelled)
        for row, (protocol, curve) in enumerate(zip(protocols, sums,
                                                    strict=True))]


def _spread(values: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Values of all items from those that were asked, else NaN, (N,)."""
    if asked.all():
        return values
    everyone = np.full(len(asked), np.nan)
    everyone[asked] = values
    return everyone


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
