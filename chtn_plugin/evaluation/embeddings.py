"""Embeddings of a test set, with labels and partners to score them by."""
from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Optional

import numpy as np

from chtn_plugin.storage.arrays import ArrayFile
from chtn_plugin.storage.files import atomic_write

from .relevance import has_class, label_array

PARTS = ('image', 'text')
#: What makes a file of embeddings, for where one is missing.
EMBEDDINGS_HINT = 'tools/test.py --out FILE writes one'
_ENDS = ('', '_label', '_id', '_pair')


@dataclass(frozen=True)
class Embeddings:
    """Image and text embeddings and their labels.

    Attributes:
        image: (N, D). None where there is none.
        text: (M, D).
        image_label: Classes as (N,), or as 0/1, (N, C); -1 or a row of NaN
            where an item has none. None: unknown, so that only pairs can be
            scored.
        text_label: The same of the texts.
        image_id: Names of the images, (N,). None: their positions.
        text_id: Names of the texts, (M,).
        image_pair: Partner key of each image, a whole number, (N,): images
            and texts that share it are partners; -1: it has none. See
            :func:`.partner_keys`. None: unknown.
        text_pair: The same of the texts, (M,).
        gallery: What is searched instead, where queries and gallery are
            different items. None: the same items.
        classes: Class names; a class number counts from 0 in them.
        meta: What else is known: data set, config, seed, epoch;
            ``'similarity'``: what the model is made for, ``'cosine'`` or
            ``'dot'``.
    """
    image: Optional[np.ndarray] = None
    text: Optional[np.ndarray] = None
    image_label: Optional[np.ndarray] = None
    text_label: Optional[np.ndarray] = None
    image_id: Optional[np.ndarray] = None
    text_id: Optional[np.ndarray] = None
    image_pair: Optional[np.ndarray] = None
    text_pair: Optional[np.ndarray] = None
    gallery: Optional[Embeddings] = None
    classes: tuple[str, ...] = ()
    meta: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for part in PARTS:
            rows, labels, ids = self.part(part)
            pairs = self.pairs(part)
            if rows is not None and np.ndim(rows) != 2:
                raise ValueError(f'{part} embeddings must be (N, D), got '
                                 f'{tuple(np.shape(rows))}')
            for values, what in ((labels, 'labels'), (ids, 'ids'),
                                 (pairs, 'partner keys')):
                if rows is not None and values is not None and (
                        len(values) != len(rows)):
                    raise ValueError(f'{part}: as many {what} as embeddings '
                                     f'are needed, got {len(values)} and '
                                     f'{len(rows)}')
            if labels is not None:
                label_array(labels)
            if pairs is not None and (np.ndim(pairs) != 1 or
                                      np.asarray(pairs).dtype.kind not in
                                      'iu'):
                raise ValueError(f'{part}: partner keys must be whole numbers '
                                 f'(N,), got {np.asarray(pairs).dtype} '
                                 f'{np.shape(pairs)}')

    def part(self, name: str) -> tuple[Optional[np.ndarray],
                                       Optional[np.ndarray],
                                       Optional[np.ndarray]]:
        """Return embeddings, labels and ids of ``'image'`` or ``'text'``."""
        return tuple(getattr(self, name + end)  # type: ignore[return-value]
                     for end in ('', '_label', '_id'))

    def pairs(self, name: str) -> Optional[np.ndarray]:
        """Return the partner keys of ``'image'`` or ``'text'``."""
        return getattr(self, name + '_pair')

    @property
    def labelled(self) -> bool:
        """Whether any item has a class."""
        return any(labels is not None and bool(has_class(labels).any())
                   for labels in (self.image_label, self.text_label))

    @property
    def paired(self) -> bool:
        """Whether partners of images and texts are known, and exist."""
        searched = self.gallery or self
        for query, gallery in ((self.image_pair, searched.text_pair),
                               (self.text_pair, searched.image_pair)):
            if query is None or gallery is None:
                continue
            if np.isin(query[query >= 0], gallery).any():
                return True
        return False

    def select(self, image: slice, text: slice) -> Embeddings:
        """Return the embeddings of some of the items."""
        fields: dict[str, Any] = {
            part + end: getattr(self, part + end)[which]
            for part, which in (('image', image), ('text', text))
            for end in _ENDS
            if getattr(self, part + end) is not None}
        return replace(self, **fields)


def save_embeddings(path: str | Path, embeddings: Embeddings,
                    protocol: str = '') -> None:
    """Write ``.npz`` that :func:`load_embeddings` and score.py read.

    Arrays: ``image`` (N, D), ``text`` (M, D), ``image_label``,
    ``text_label``, ``image_id``, ``text_id``, ``image_pair``, ``text_pair``,
    ``classes``, ``protocol`` and ``meta`` (JSON text); what does not exist
    is left out. Where both modalities have the same labels, ``label`` stands
    there too.
    """
    if embeddings.gallery is not None:
        raise ValueError('a separate gallery cannot be saved in this layout')
    arrays: dict[str, Any] = {}
    for part in PARTS:
        for end in _ENDS:
            values = getattr(embeddings, part + end)
            if values is not None:
                arrays[part + end] = np.asarray(values)
    image_label, text_label = embeddings.image_label, embeddings.text_label
    if (image_label is not None and text_label is not None
            and np.array_equal(image_label, text_label)):
        arrays['label'] = image_label
    if embeddings.classes:
        arrays['classes'] = np.array(embeddings.classes)
    arrays['protocol'] = np.array(protocol)
    arrays['meta'] = np.array(json.dumps(embeddings.meta, default=str))
    with atomic_write(path) as file:
        np.savez(file, **arrays)


def holds_our_arrays(path: str | Path) -> bool:
    """Tell whether a ``.npz`` is one that our tools wrote.

    What they write of embeddings and features has ``meta``, a JSON object;
    arrays of the user's have not.

    Args:
        path: Any file, or none.
    """
    try:
        return isinstance(json.loads(str(ArrayFile(path, 'arrays')['meta'])),
                          dict)
    except (OSError, ValueError, KeyError, RecursionError):
        return False


def load_embeddings(path: str | Path) -> Embeddings:
    """Read what :func:`save_embeddings` wrote.

    Raises:
        FileNotFoundError, ValueError: As for :class:`ArrayFile`.
    """
    file = ArrayFile(path, 'embeddings', EMBEDDINGS_HINT)
    names = [part + end for part in PARTS for end in _ENDS]
    arrays: dict[str, Any] = {
        name: file.numbers(name) if name in PARTS else file[name]
        for name in names if name in file}
    classes = file['classes'].tolist() if 'classes' in file else []
    meta = json.loads(str(file['meta'])) if 'meta' in file else {}
    return Embeddings(**arrays, classes=tuple(classes), meta=meta)
