"""The gallery: vectors to search, and the item that each stands for."""
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple, Optional

import numpy as np

from chtn_plugin.checks import check_choice

from ..evaluation.exact_search import comparable_rows, longest_row, nearest
from ..models.cross_modal_model import SIMILARITIES
from ..storage.finite import nonfinite_rows
from .gallery_filter import Filter, classes_of, needed_fields, passing
from .gallery_sources import KINDS, Item
from .stored_items import StoredItems, StoredVectors


class Found(NamedTuple):
    """An item that a query has found: its score, and its vector (D,)."""
    score: float
    item: Item
    row: np.ndarray


class Gallery:
    """Encoded pictures and texts that queries are compared with.

    Args:
        vectors: Common representations, (G, D).
        items: What each is: ``kind``, ``id``, ``path``, ``text``, ``label``.
        fingerprint: Of the model that encoded them; empty if unknown.
        skipped: What could not be read, and why.
        notes: What a reader of results should know.
        approximate: FAISS indexes by kind; others are searched exactly.
        similarity: ``'cosine'`` or ``'dot'``: how queries are compared.

    Raises:
        ValueError: There are not as many items as vectors, a vector is not
            finite (the message names the item), or the similarity is not one
            of those above.
    """

    def __init__(self, vectors: np.ndarray, items: Sequence[Item],
                 fingerprint: str = '',
                 skipped: Sequence[tuple[str, str]] = (),
                 notes: Sequence[str] = (),
                 approximate: Optional[dict[str, Any]] = None,
                 similarity: str = 'cosine') -> None:
        check_choice('similarity', similarity, SIMILARITIES)
        if len(vectors) != len(items):
            raise ValueError('a gallery needs one item for each vector, got '
                             f'{len(items)} and {len(vectors)}')
        kept = list(items)
        kinds = np.array([item['kind'] for item in items], dtype='U5')
        self._set(kept, {kind: np.flatnonzero(kinds == kind)
                         for kind in KINDS}, fingerprint, skipped, notes,
                  approximate, similarity)
        rows = comparable_rows(vectors, similarity)
        for broken in (nonfinite_rows(vectors), nonfinite_rows(rows)):
            if len(broken):
                item = kept[broken[0]]
                raise ValueError(
                    'vectors of a gallery must be finite in float32: that of '
                    f'{item["kind"]} {item["id"]!r} (row {broken[0]}) is not')
        # Column by column: the product with a query takes a quarter of the
        # time at D = 10, two thirds at D = 512.
        self._rows: dict[str, np.ndarray] = {
            kind: np.asfortranarray(rows[places])
            for kind, places in self._places.items() if len(places)}

    @classmethod
    def stored(cls, vectors: StoredVectors, items: StoredItems,
               fingerprint: str = '',
               skipped: Sequence[tuple[str, str]] = (),
               notes: Sequence[str] = (),
               approximate: Optional[dict[str, Any]] = None) -> Gallery:
        """Make a gallery of vectors and items on disk, read when needed.

        Args:
            vectors: See :class:`StoredVectors`.
            items: See :class:`StoredItems`.
            fingerprint: As for the class; so are the others.
            skipped: What could not be read, and why.
            notes: What a reader of results should know.
            approximate: FAISS indexes by kind.
        """
        made = cls.__new__(cls)
        made._set(items, vectors.places, fingerprint, skipped, notes,
                  approximate, vectors.similarity)
        made._vectors = vectors
        return made

    def _set(self, items: Sequence[Item], places: Mapping[str, np.ndarray],
             fingerprint: str, skipped: Sequence[tuple[str, str]],
             notes: Sequence[str], approximate: Optional[dict[str, Any]],
             similarity: str) -> None:
        self.items = items
        self.similarity = similarity
        self.fingerprint = fingerprint
        self.skipped = list(skipped)
        self.notes = tuple(notes)
        self.approximate = approximate or {}
        self._places = places
        self._vectors: Optional[StoredVectors] = None
        self._rows = {}
        self._longest: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self.items)

    @cached_property
    def labels(self) -> list[str]:
        """Names of the classes of all items, sorted, each once."""
        return sorted({name for item in self.fields('label', 'classes')
                       for name in classes_of(item)})

    def fields(self, *names: str) -> Iterator[Item]:
        """Give every item in order, of which only some fields are needed.

        An index reads no others, and looks for no picture of which nobody
        wants the path.
        """
        if isinstance(self.items, StoredItems):
            return self.items.fields(names)
        return iter(self.items)

    def count(self, kind: str) -> int:
        """Return the number of items of a kind."""
        return len(self._places[kind])

    def rows(self, kind: str) -> np.ndarray:
        """Return the vectors of a kind, (G, D); of length 1 under cosine."""
        if kind not in self._rows and self._vectors is not None and len(
                self._places[kind]):
            self._rows[kind] = self._vectors.gather(kind)
        return self._rows[kind]

    def _longest_row(self, kind: str) -> float:
        if kind not in self._longest:
            self._longest[kind] = (1. if self.similarity == 'cosine' else
                                   longest_row(self.rows(kind)))
        return self._longest[kind]

    def searched(self, target: str) -> str:
        """Return the kind to search: the target, or what there is."""
        held = [kind for kind in KINDS if len(self._places[kind])]
        return target if target in held else held[0]

    def nearest(self, query: np.ndarray, topk: int, target: str,
                filters: Sequence[Filter] = ()) -> list[tuple[float, Item]]:
        """Return scores and items of :meth:`find`."""
        return [(hit.score, hit.item) for hit in self.find(
            query, topk, target, filters)]

    def find(self, query: np.ndarray, topk: int, target: str,
             filters: Sequence[Filter] = ()) -> list[Found]:
        """Find the nearest items, best first, ties in gallery order.

        Args:
            query: One vector, (D,).
            topk: How many; a smaller gallery gives all it has.
            target: ``'image'`` or ``'text'``; where the gallery has only the
                other kind, that is searched.
            filters: What an item must meet. The rest is searched exactly.

        Raises:
            ValueError: The gallery is empty, D differs, the query is not
                finite, or no item meets the filters.
        """
        check_choice('target', target, KINDS)
        if topk < 1:
            raise ValueError(f'topk must be at least 1, got {topk}')
        if not self.items:
            raise ValueError(
                'a gallery must have at least one item: this one is empty'
                + (f' ({len(self.skipped)} could not be read, such as '
                   f'{self.skipped[0][1]})' if self.skipped else ''))
        target = self.searched(target)
        rows = self.rows(target)
        if len(nonfinite_rows(query[None])):
            raise ValueError('the vector of a query must be finite, it holds '
                             'NaN or infinity')
        queries = comparable_rows(query[None], self.similarity)
        if queries.shape[1] != rows.shape[1]:
            raise ValueError('query and gallery must share the size D, got '
                             f'{queries.shape[1]} and {rows.shape[1]}: are '
                             'they of one model?')
        places = self._places[target]
        if filters:
            kept = np.flatnonzero(passing(filters, self.fields(
                *needed_fields(filters)))[places])
            if not len(kept):
                raise ValueError(
                    f'filters must leave something: none of {len(places)} '
                    f'{target}s meets '
                    + ' and '.join(_in_words(each) for each in filters))
            places, rows = places[kept], rows[kept]
        if target in self.approximate and not filters:
            scores, ranks = self.approximate[target].search(
                queries, min(topk, len(rows)))
        if target not in self.approximate or filters or (ranks < 0).any():
            # FAISS returns fewer where it looked at too few of its cells.
            scores, ranks = nearest(queries, rows, topk,
                                    self._longest_row(target))
        return [Found(float(score), self.items[places[place]], rows[place])
                for score, place in zip(scores[0], ranks[0], strict=True)]


def _in_words(each: Filter) -> str:
    return f"{each.field} {'not ' if each.without else ''}{each.value!r}"


def check_fingerprint(stored: str, fingerprint: str, path: Any) -> None:
    """Refuse vectors of another model.

    Raises:
        ValueError: Both are known, and differ.
    """
    if stored and fingerprint and stored != fingerprint:
        raise ValueError(
            'a gallery must be of the model that searches it: '
            f'{path} was made by {stored}, this is {fingerprint}. Build it '
            'anew with this model')
