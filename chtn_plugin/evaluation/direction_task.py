"""Set up the queries and the gallery of one direction under a protocol."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional

import numpy as np
import torch

from .embeddings import Embeddings
from .protocols import DEFAULT_SIMILARITY, DIRECTIONS, Protocol
from .relevance import Relevance, has_class, label_array
from .similarity import Similarity
from .splits import SPLITS

#: Side of the embeddings that a letter of a direction stands for.
SIDES = {'i': 'image', 't': 'text'}


@dataclass
class DirectionTask:
    """The queries and the gallery of one direction, ready to be ranked.

    Attributes:
        similarity: Scores of the Q queries against the G items.
        relevance: Which items answer which query.
        query_ids: Names of the queries, (Q,).
        gallery_ids: Names of the items, (G,).
        asked: Which of the items the queries are: those with a class, or
            with a partner, as the protocol needs, boolean, (N,).
    """
    similarity: Similarity
    relevance: Relevance
    query_ids: np.ndarray
    gallery_ids: np.ndarray
    asked: np.ndarray


def direction_task(embeddings: Embeddings, protocol: Protocol,
                   direction: str,
                   device: Optional[str | torch.device] = None,
                   float64: Optional[bool] = None) -> DirectionTask:
    """Return queries and gallery of a direction under a protocol.

    Raises:
        ValueError: Embeddings or labels are wrong or missing, or not those
            of the protocol's split.
        KeyError: Unknown direction.
    """
    if direction not in DIRECTIONS:
        raise KeyError('a direction must be one of '
                       f'{", ".join(DIRECTIONS)}, got {direction!r}')
    embeddings = of_split(embeddings, protocol)
    source, target = (SIDES[letter] for letter in direction[::2])
    query, _, query_ids = embeddings.part(source)
    searched = embeddings.gallery or embeddings
    gallery, _, gallery_ids = searched.part(target)
    if query is None or not len(query):
        raise ValueError(f'{direction} needs {source} embeddings, got none')
    if gallery is None or not len(gallery):
        raise ValueError(f'{direction} needs {target} embeddings, got none')
    try:
        protocol = protocol.under(embeddings.meta.get('similarity'))
    except ValueError as error:
        raise ValueError(f'{error} as the similarity of the embeddings'
                         ) from None
    pairs = protocol.formula.pairs
    keys, is_query = _relevance_keys(embeddings, source, direction, pairs)
    gallery_keys, is_item = _relevance_keys(searched, target, direction, pairs)
    if pairs:
        # No query has the key of an item without partner, so it distracts.
        is_item = np.ones(len(gallery), dtype=bool)
    same = None
    if source == target and searched is embeddings:
        same = (np.cumsum(is_item) - 1)[is_query]
    try:
        similarity = Similarity(_members(query, is_query),
                                _members(gallery, is_item),
                                protocol.similarity or DEFAULT_SIMILARITY,
                                device, float64)
    except ValueError as error:
        raise ValueError(f'{direction} ({source} to {target}): {error}'
                         ) from None
    ids, gallery_ids = (
        np.arange(len(rows)) if its_ids is None else np.asarray(its_ids)
        for rows, its_ids in ((query, query_ids), (gallery, gallery_ids)))
    return DirectionTask(
        similarity, Relevance(_members(keys, is_query),
                              _members(gallery_keys, is_item), same),
        _members(ids, is_query), _members(gallery_ids, is_item), is_query)


def _relevance_keys(embeddings: Embeddings, part: str, direction: str,
                    pairs: bool) -> tuple[np.ndarray, np.ndarray]:
    """What relevance is told by, and which items have it, (N,)."""
    if pairs:
        keys = embeddings.pairs(part)
        if keys is None:
            raise ValueError(
                f'pair protocols need partners: {direction} got embeddings '
                f'without {part}_pair')
        keys = np.asarray(keys)
        return keys, keys >= 0
    labels = embeddings.part(part)[1]
    if labels is None:
        raise ValueError(f'scoring needs labels: {direction} got embeddings '
                         'without any')
    return label_array(labels), has_class(labels)


def _members(rows: Any, which: np.ndarray) -> Any:
    """The chosen rows; the very same where all are."""
    return rows if which.all() else rows[which]


def of_split(embeddings: Embeddings, protocol: Protocol) -> Embeddings:
    """Keep the items of the split that a protocol is bound to, if it is.

    Raises:
        ValueError: There is a separate gallery, or items of that split lack.
    """
    if protocol.split is None:
        return embeddings
    split = SPLITS[protocol.split]
    if embeddings.gallery is not None:
        raise ValueError(f'split {split.name} has no separate gallery')
    members = []
    for part in SIDES.values():
        rows, labels, _ = embeddings.part(part)
        members.append(slice(None) if rows is None
                       else split.members(np.asarray(labels)))
    return embeddings.select(*members)
