"""Compare towers that are aligned already, as CLIP's, without training."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .pair_features import PairFeatures

#: ``'aligned'``: vectors are compared as they were read. ``'zero-shot'``: by
#: the probabilities of classes, whose names are vectors of the same space.
UNTRAINED = ('aligned', 'zero-shot')
#: What cosines are multiplied by before the softmax, CLIP's.
_SCALE = 100.


def untrained_vectors(name: str, features: PairFeatures, rows: np.ndarray
                      ) -> tuple[dict[str, Any], str]:
    """Compute the vectors of towers that are aligned, untrained.

    Args:
        name: One of ``UNTRAINED``.
        features: Prepared; the vectors are taken as they were read.
        rows: Those to encode, (R,).

    Returns:
        ``image`` and ``text``, (R, D) each, ``image_class`` and
        ``text_class``, (R,) or None; and the similarity they are made for.

    Raises:
        ValueError: The towers have no common space, or the vectors of the
            names are missing or of another size.
    """
    read: Mapping[str, np.ndarray] = features.read or dict(
        image=features.image, text=features.text)
    sizes = {part: value.shape[1] for part, value in read.items()}
    if sizes['image'] != sizes['text']:
        raise ValueError(
            f'{name} needs towers of one space: {features.name} has images '
            f'of {sizes["image"]} numbers and texts of {sizes["text"]}')
    unit = {part: _unit(value[rows]) for part, value in read.items()}
    if name == 'aligned':
        return dict(unit, image_class=None, text_class=None), 'cosine'
    if features.prior is None:
        raise ValueError('zero-shot needs vectors of the names of the '
                         f'classes: --class-names for {features.name}')
    names = _unit(features.prior['target_names'])
    if names.shape[1] != sizes['text']:
        raise ValueError(
            'names must be vectors of the towers\' own space: '
            f'those of {features.name} have {names.shape[1]} numbers, its '
            f'texts {sizes["text"]}')
    parts: dict[str, Any] = {}
    for part, value in unit.items():
        scores = _SCALE * value @ names.T
        share = np.exp(scores - scores.max(1, keepdims=True))
        parts[part] = (share / share.sum(1, keepdims=True)).astype(np.float32)
        parts[f'{part}_class'] = scores.argmax(1)
    return parts, 'dot'


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True),
                             1e-12)
