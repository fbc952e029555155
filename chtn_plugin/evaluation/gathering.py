"""Gather one result per item from all ranks, without duplicates."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

import numpy as np
from mmengine.dist import get_world_size

from ..losses.host_gathering import all_gather_on_host
from .embeddings import PARTS, Embeddings
from .partners import partner_keys

Batch = dict[str, Any]
_NAMED = 20


def gather_items(batches: Sequence[Batch], size: int) -> Batch:
    """Gather the items of all ranks in the order of ``sample_idx``.

    Samplers pad the last round so that every rank gets as many items; which
    copy is kept does not depend on where in the list it came.

    Args:
        batches: What this rank processed; each maps ``sample_idx``,
            ``image_idx`` and ``text_idx`` to arrays (B,), ``label`` to (B,)
            or (B, C), ``image`` and ``text`` to the rows of the items that
            have one; ``same_image_idx`` and ``same_text_idx`` (B,), one
            number for items whose images (texts) are equal, -1 where that is
            not known; ``similarity`` (B,) to names, empty where unknown.
        size: Items in the data set.

    Returns:
        The same fields for all items of the data set; ``similarity`` is one
        name.

    Raises:
        ValueError: Items are missing, unknown or doubled beyond padding;
            the message names their ids.
    """
    world = get_world_size()
    shares = all_gather_on_host(_join(batches))
    items = _join([share for share in shares if share])
    if not items:
        raise ValueError('evaluation needs one result per item: '
                         f'{size} expected, none came')
    ids = items['sample_idx']
    kept, first, which, count = np.unique(
        ids, return_index=True, return_inverse=True, return_counts=True)
    missing = np.setdiff1d(np.arange(size), kept)
    unknown = kept[(kept < 0) | (kept >= size)]
    doubled = kept[count > 1]
    if len(missing) or len(unknown) or len(ids) - len(kept) >= world:
        raise ValueError(
            f'evaluation needs every one of {size} items once (samplers may '
            f'pad with fewer than {world} copies): '
            + '; '.join(f'{what} sample_idx {_named(group)}'
                        for what, group in (('missing', missing),
                                            ('unknown', unknown),
                                            ('doubled', doubled))
                        if len(group)))
    fields = ('image_idx', 'text_idx', 'label', 'same_image_idx',
              'same_text_idx')
    for field in fields:
        values = items[field]
        differs = _rows_differ(values, values[first[which]])
        if differs.any():
            raise ValueError(
                f'copies of one item must agree in {field}, those of '
                f'sample_idx {_named(np.unique(ids[differs]))} do not')
    similarities = np.unique(items['similarity'])
    if len(similarities) > 1:
        raise ValueError('predictions must agree in their similarity, got '
                         f'{", ".join(map(repr, similarities.tolist()))}')
    merged: Batch = {field: items[field][first]
                     for field in ('sample_idx', *fields)}
    merged['similarity'] = str(similarities[0])
    for part in ('image', 'text'):
        has = items[f'{part}_idx'] >= 0
        row = np.cumsum(has) - 1
        rows = items[part]
        merged[part] = (None if rows is None
                        else rows[row[first][has[first]]])
    return merged


def items_to_embeddings(items: Batch,
                        classes: Sequence[str] = (),
                        meta: Optional[dict[str, Any]] = None) -> Embeddings:
    """Keep each image and each text once, in the order of its index.

    Partners are what :func:`.partner_keys` finds among the items.

    Raises:
        ValueError: Items that share an image (or a text) differ in class.
    """
    fields: dict[str, Any] = {}
    keys = dict(zip(PARTS, partner_keys(*(items[field] for field in (
        'image_idx', 'text_idx', 'same_text_idx', 'same_image_idx'))),
        strict=True))
    for part in PARTS:
        index = items[f'{part}_idx']
        has = index >= 0
        if items[part] is None or not has.any():
            continue
        labels = items['label'][has]
        ids, first, which = np.unique(index[has], return_index=True,
                                      return_inverse=True)
        differs = _rows_differ(labels, labels[first][which])
        if differs.any():
            raise ValueError(
                f'items that share one {part} must share its classes: '
                f'{part}_idx {_named(np.unique(index[has][differs]))} '
                'do not')
        fields[part] = items[part][first]
        fields[f'{part}_label'] = labels[first]
        fields[f'{part}_id'] = ids
        fields[f'{part}_pair'] = keys[part][has][first]
    return Embeddings(**fields, classes=tuple(classes), meta=meta or {})


def _join(batches: Sequence[Batch]) -> Batch:
    joined: Batch = {}
    for field in batches[0] if batches else ():
        parts = [b[field] for b in batches if b[field] is not None]
        if len({part.shape[1:] for part in parts}) > 1:
            raise ValueError(f'{field} must have one size for all items, got '
                             f'{sorted({part.shape[1:] for part in parts})}')
        joined[field] = np.concatenate(parts) if parts else None
    return joined


def _rows_differ(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    # NaN, the mark of an item without class, equals NaN here.
    differs = (a != b) & ~((a != a) & (b != b))
    return differs.reshape(len(a), -1).any(1)


def _named(ids: np.ndarray) -> str:
    shown = ', '.join(str(i) for i in ids[:_NAMED].tolist())
    more = len(ids) - _NAMED
    return f'{shown} and {more} more' if more > 0 else shown
