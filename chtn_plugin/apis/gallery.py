"""What is searched: vectors, and what each one stands for."""
from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Optional

import numpy as np
from tqdm import tqdm

from chtn_plugin.checks import check_choice
from chtn_plugin.evaluation.embeddings import load_embeddings

from ..evaluation.exact_search import comparable_rows, nearest
from ..models.cross_modal_model import SIMILARITIES
from .gallery_sources import Item, list_items

KINDS = ('image', 'text')


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
        ValueError: There are not as many items as vectors, or the similarity
            is not one of those above.
    """

    def __init__(self, vectors: np.ndarray, items: Sequence[Item],
                 fingerprint: str = '',
                 skipped: Sequence[tuple[str, str]] = (),
                 notes: Sequence[str] = (),
                 approximate: Optional[dict[str, Any]] = None,
                 similarity: str = 'cosine') -> None:
        check_choice('similarity', similarity, SIMILARITIES)
        self.similarity = similarity
        if len(vectors) != len(items):
            raise ValueError('a gallery needs one item for each vector, got '
                             f'{len(items)} and {len(vectors)}')
        self.items = list(items)
        self.fingerprint = fingerprint
        self.skipped = list(skipped)
        self.notes = tuple(notes)
        self.approximate = approximate or {}
        kinds = np.array([item['kind'] for item in items], dtype='U5')
        self._places = {kind: np.flatnonzero(kinds == kind)
                        for kind in KINDS}
        rows = comparable_rows(vectors, similarity)
        # Column by column: the product with a query takes a quarter of the
        # time at D = 10, two thirds at D = 512.
        self._rows = {kind: np.asfortranarray(rows[places])
                      for kind, places in self._places.items()
                      if len(places)}

    def __len__(self) -> int:
        return len(self.items)

    def count(self, kind: str) -> int:
        """Items of a kind."""
        return len(self._places[kind])

    def rows(self, kind: str) -> np.ndarray:
        """Vectors of a kind, (G, D); of length 1 under cosine."""
        return self._rows[kind]

    def nearest(self, query: np.ndarray, topk: int, target: str
                ) -> list[tuple[float, Item]]:
        """The nearest items, best first, ties in gallery order.

        Args:
            query: One vector, (D,).
            topk: How many; a smaller gallery gives all it has.
            target: ``'image'`` or ``'text'``; where the gallery has only the
                other kind, that is searched.

        Raises:
            ValueError: The gallery is empty, or D differs.
        """
        check_choice('target', target, KINDS)
        if topk < 1:
            raise ValueError(f'topk must be at least 1, got {topk}')
        if not self.items:
            raise ValueError(
                'a gallery must have at least one item: this one is empty'
                + (f' ({len(self.skipped)} could not be read, such as '
                   f'{self.skipped[0][1]})' if self.skipped else ''))
        if target not in self._rows:
            target = next(iter(self._rows))
        rows = self._rows[target]
        queries = comparable_rows(query[None], self.similarity)
        if queries.shape[1] != rows.shape[1]:
            raise ValueError('query and gallery must share the size D, got '
                             f'{queries.shape[1]} and {rows.shape[1]}: are '
                             'they of one model?')
        if target in self.approximate:
            scores, found = self.approximate[target].search(
                queries, min(topk, len(rows)))
        else:
            scores, found = nearest(queries, rows, topk)
        places = self._places[target]
        return [(float(score), self.items[places[place]])
                for score, place in zip(scores[0], found[0], strict=True)
                if place >= 0]


def open_gallery(encoder: Any, source: Any, progress: bool) -> Gallery:
    """A gallery from whatever a user has; see ``RetrievalInferencer.index``.

    Args:
        encoder: The inferencer.
        source: Folder, manifest, text file, index, ``.npz``, or embeddings.
        progress: Show a bar.
    """
    from .index_store import IndexStore, is_index
    path = Path(source)
    if is_index(path):
        return IndexStore(path).gallery(encoder.run.fingerprint)
    if path.suffix == '.npz':
        return _of_embeddings(path, encoder.run.fingerprint,
                              encoder.similarity)
    skipped: list[tuple[str, str]] = []
    kept: list[Item] = []
    vectors: list[np.ndarray] = []
    for items, rows, faults in encode_items(
            encoder, list_items(path, encoder.run.label_separator),
            progress):
        skipped += faults
        if items:
            kept += items
            vectors.append(rows)
    return Gallery(np.concatenate(vectors) if vectors else np.zeros((0, 1)),
                   kept, encoder.run.fingerprint, skipped,
                   similarity=encoder.similarity)


def encode_items(encoder: Any, items: Sequence[Item], progress: bool
                 ) -> Iterator[tuple[list[Item], np.ndarray,
                                     list[tuple[str, str]]]]:
    """Encode items, leaving out pictures that cannot be read.

    Args:
        encoder: The inferencer.
        items: What to encode.
        progress: Show a bar.

    Yields:
        Items, their vectors (B, D) and left-out (name, reason) of a batch,
        in which all items are of one kind.
    """
    with tqdm(total=len(items), desc='encode', disable=not progress or None,
              unit='item') as bar:
        for kind in KINDS:
            members = [item for item in items if item['kind'] == kind]
            for start in range(0, len(members), encoder.batch_size):
                batch = members[start:start + encoder.batch_size]
                kept, inputs, skipped = _loaded(encoder, batch)
                bar.update(len(batch))
                rows = (encoder.encode_batch(kind, inputs)['repr'] if kept
                        else np.zeros((0, 1), np.float32))
                yield kept, rows, skipped


def _loaded(encoder: Any, batch: Sequence[Item]
            ) -> tuple[list[Item], list[Any], list[tuple[str, str]]]:
    kept, inputs, skipped = [], [], []
    for item in batch:
        try:
            inputs.append(item['text'] if item['kind'] == 'text' else
                          encoder.load_image(item['path']))
        except (OSError, ValueError) as error:
            skipped.append((item['id'], str(error)))
        else:
            kept.append(item)
    return kept, inputs, skipped


def _of_embeddings(path: Path, fingerprint: str,
                   similarity: str) -> Gallery:
    """A gallery of saved embeddings, such as test.py or others wrote."""
    embeddings = load_embeddings(path)
    stored = str(embeddings.meta.get('fingerprint', ''))
    check_fingerprint(stored, fingerprint, path)
    items: list[Item] = []
    vectors = []
    for kind in KINDS:
        rows, labels, ids = embeddings.part(kind)
        if rows is None:
            continue
        names = [str(i) for i in (range(len(rows)) if ids is None else ids)]
        content = embeddings.meta.get(f'{kind}_content') or [''] * len(rows)
        vectors.append(rows)
        told = ([''] * len(rows) if labels is None else
                [_class_name(label, embeddings.classes) for label in labels])
        for name, label, shown in zip(names, told, content, strict=True):
            items.append(Item(
                kind=kind, id=name, path=(shown or None) if kind == 'image'
                else None, text=shown if kind == 'text' else '',
                label=label))
    notes = () if stored else (
        f'{path.name} does not say which model it is of',)
    return Gallery(np.concatenate(vectors) if vectors else np.zeros((0, 1)),
                   items, stored, notes=notes, similarity=str(
                       embeddings.meta.get('similarity', similarity)))


def _class_name(label: Any, classes: Sequence[str]) -> str:
    numbers = ([int(label)] if np.ndim(label) == 0 else
               np.flatnonzero(label).tolist())
    return ', '.join(classes[n] if 0 <= n < len(classes) else f'class {n}'
                     for n in numbers)


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


def item_key(item: Item) -> str:
    """What tells whether an item is already there, unchanged."""
    return json.dumps([item['kind'], item['id'], item.get('stamp', '')])
