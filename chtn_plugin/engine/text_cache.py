"""Cache what a frozen text encoder computes, so that it runs once a text."""
from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Optional

import numpy as np
import torch
from tqdm import tqdm

from ..storage.row_store import FORMAT, FeatureStore
from .feature_cache import describe, fingerprint


@torch.no_grad()
def cached_text_features(encoder: Any, transform: Any, texts: Sequence[str],
                         folder: str, max_bytes: Optional[int] = None,
                         batch_size: int = 64,
                         dtype: torch.dtype = torch.float32) -> np.ndarray:
    """Encode texts, those that are not in the cache yet.

    A row is keyed by the text, the tokenizer's files and length, the model's
    weights and code, and the version of torch; it goes to disk batch by
    batch, so that an interrupted run goes on.

    Args:
        encoder: A frozen :class:`~chtn_plugin.models.HFTextEncoder`.
        transform: Its :class:`~chtn_plugin.text.HFTokens`.
        texts: N texts; equal ones are encoded once.
        folder: Folder of the cache.
        max_bytes: What the folder may fill.
        batch_size: Texts a pass.
        dtype: Of the pass.

    Returns:
        (N, D) float32.

    Raises:
        ValueError: The limit is too small.
    """
    device = next(encoder.parameters()).device
    description = dict(
        format=FORMAT, device=device.type, version=torch.__version__,
        dtype=str(dtype), model=describe(encoder.model),
        pooling=[encoder.pooling, encoder.normalized],
        code=describe(type(encoder)), tokens=transform.state(),
        max_length=transform.max_length)
    store = FeatureStore(folder, fingerprint(description), dict(
        texts=True, pooling=encoder.pooling, device=device.type), max_bytes)
    names = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
    missing = {name: text for name, text in zip(names, texts, strict=True)
               if name not in store}
    # Texts of one length need the least padding.
    order = sorted(missing, key=lambda name: len(missing[name]))
    with store.adder() as adder:
        for first in tqdm(range(0, len(order), batch_size), 'texts',
                          unit='batch', disable=None):
            chunk = order[first:first + batch_size]
            tokens = {name: value.to(device) for name, value in transform(
                [missing[name] for name in chunk]).items()}
            with torch.autocast(device.type, dtype,
                                enabled=dtype != torch.float32):
                rows = encoder.encode(tokens)
            adder.add(chunk, rows.float().cpu().numpy())
    return np.stack([np.array(store[name]) for name in names])
