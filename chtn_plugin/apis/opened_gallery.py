"""Make a gallery of whatever a user has: files, an index, embeddings."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..evaluation.embeddings import load_embeddings
from .gallery import Gallery, check_fingerprint
from .gallery_sources import KINDS, Item, list_items
from .index_store import IndexStore, is_index
from .item_encoding import encode_items


def open_gallery(encoder: Any, source: Any, progress: bool) -> Gallery:
    """Make a gallery of any source; see ``RetrievalInferencer.index``.

    Args:
        encoder: The inferencer.
        source: Folder, manifest, text file, index, ``.npz``, or embeddings.
        progress: Show a bar.
    """
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
        members: list[tuple[str, ...]] = (
            [()] * len(rows) if labels is None else
            [_class_names(label, embeddings.classes) for label in labels])
        for name, classes, shown in zip(names, members, content, strict=True):
            items.append(Item(
                kind=kind, id=name, path=(shown or None) if kind == 'image'
                else None, text=shown if kind == 'text' else '',
                label=', '.join(classes), classes=classes))
    notes = () if stored else (
        f'{path.name} does not say which model it is of',)
    return Gallery(np.concatenate(vectors) if vectors else np.zeros((0, 1)),
                   items, stored, notes=notes, similarity=str(
                       embeddings.meta.get('similarity', similarity)))


def _class_names(label: Any, classes: Sequence[str]) -> tuple[str, ...]:
    """Names of a label's classes; none where it is not known."""
    if isinstance(label, str):
        return (label, ) if label else ()
    if np.isnan(label).any() or (np.ndim(label) == 0 and label < 0):
        return ()
    numbers = ([int(label)] if np.ndim(label) == 0 else
               np.flatnonzero(label).tolist())
    return tuple(classes[n] if 0 <= n < len(classes) else f'class {n}'
                 for n in numbers)
