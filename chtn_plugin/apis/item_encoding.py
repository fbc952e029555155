"""Encode pictures and texts, batch by batch, leaving out unreadable ones."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from tqdm import tqdm

from .gallery_sources import KINDS, Item


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
