"""The items of a data set of pairs, held as columns."""
from __future__ import annotations

import hashlib
import os.path as osp
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Optional, Union, overload

import numpy as np

from .class_numbers import SparseLabels
from .grouping import folded
from .manifest_rows import JoinedTexts, Manifest


@dataclass(frozen=True)
class ItemTable(Sequence[dict[str, Any]]):
    """N items of a data set; each is a dictionary when it is asked for.

    An item has ``id``, ``img_path``, ``text``, ``classes`` (names),
    ``label``, ``image_idx``, ``text_idx`` and ``same_text_idx``; see
    :class:`~chtn_plugin.datasets.CrossModalDataset`.

    Attributes:
        manifest: The pairs.
        data_root: Folder of the images.
        rows: Row of the manifest of each item, (N,) int64.
        numbers: Which text of the row each item has; None: all, joined.
        labels: Classes of each item.
        has_class: Whether each item's class is known, (N,) bool.
        image_idx: Row of the manifest; -1: no image, (N,) int64.
        text_idx: Number of the item; -1: no text, (N,) int64.
        same_text_idx: ``text_idx`` of the first item of the same words.
        places: Number of each item in the whole data set, by which its
            encoded text is found, (N,) int64.
    """
    manifest: Manifest
    data_root: str
    rows: np.ndarray
    numbers: Optional[np.ndarray]
    labels: SparseLabels
    has_class: np.ndarray
    image_idx: np.ndarray
    text_idx: np.ndarray
    same_text_idx: np.ndarray
    places: np.ndarray

    @classmethod
    def of(cls, manifest: Manifest, data_root: str, rows: np.ndarray,
           numbers: Optional[np.ndarray], labels: SparseLabels,
           has_class: np.ndarray) -> ItemTable:
        """Make items of rows of a manifest; see the attributes."""
        places = np.arange(len(rows))
        texts = JoinedTexts(manifest, rows, numbers)
        has_image = manifest.images.ends[rows + 1] > manifest.images.ends[rows]
        has_text = manifest.text_ends[rows + 1] > manifest.text_ends[rows]
        text_idx = np.where(has_text, places, -1)
        first = first_of_equal(
            folded(text) or text for text in texts)
        return cls(manifest, data_root, rows, numbers, labels, has_class,
                   np.where(has_image, rows, -1), text_idx, text_idx[first],
                   places)

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...

    @overload
    def __getitem__(self, index: slice) -> ItemTable: ...

    def __getitem__(self, index: Union[int, slice]
                    ) -> Union[dict[str, Any], ItemTable]:
        if isinstance(index, slice):
            return self.take(range(*index.indices(len(self))))
        index = range(len(self))[index]
        row = int(self.rows[index])
        return dict(
            id=self.manifest.ids[row], img_path=self.img_path(index),
            text=self.texts[index], classes=self.manifest.classes_of(row)
            if self.has_class[index] else (),
            label=self.labels.of(index),
            image_idx=int(self.image_idx[index]),
            text_idx=int(self.text_idx[index]),
            same_text_idx=int(self.same_text_idx[index]))

    def take(self, indices: Sequence[int]) -> ItemTable:
        """Choose items."""
        chosen = np.asarray(indices, np.int64)
        columns: dict[str, Any] = {
            field.name: value[chosen] for field in fields(self)
            if isinstance(value := getattr(self, field.name), np.ndarray)}
        return replace(self, labels=self.labels.take(chosen), **columns)

    @property
    def texts(self) -> JoinedTexts:
        """Text of each item; empty where it has none."""
        return JoinedTexts(self.manifest, self.rows, self.numbers)

    def img_path(self, index: int) -> Optional[str]:
        """Path of an item's image; None: it has none."""
        image = self.manifest.images[int(self.rows[index])]
        return osp.join(self.data_root, image) if image else None


def first_of_equal(texts: Iterable[str]) -> np.ndarray:
    """Number of the first of the texts that equals each, (N,) int64.

    16 bytes of each are held, not the text.
    """
    digests = b''.join(hashlib.blake2b(
        text.encode(errors='surrogatepass'), digest_size=16).digest()
        for text in texts)
    halves = np.frombuffer(digests, np.uint64).reshape(-1, 2)
    order = np.lexsort((halves[:, 1], halves[:, 0]))
    ordered = halves[order]
    is_new = np.ones(len(order), bool)
    is_new[1:] = (ordered[1:] != ordered[:-1]).any(1)
    first = np.empty(len(order), np.int64)
    # The sort is stable: the first of equal ones is the earliest.
    first[order] = order[is_new][np.cumsum(is_new) - 1]
    return first
