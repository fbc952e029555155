"""Pool whatever a backbone returns to one vector an image."""
from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

POOLINGS = ('flatten', 'average', 'max', 'cls')
STAGES = ('last', 'all')


def pooled(features: Any, pooling: str, stages: str = 'last') -> Tensor:
    """Pool a map, tokens, a vector, or several of them to a vector an image.

    ===================  ============  =============  ======================
    pooling              (B, D)        (B, D, H, W)   tokens (B, L, D)
    ===================  ============  =============  ======================
    ``'flatten'``        as it is      (B, D·H·W)     refused
    ``'average'``        as it is      over places    over all tokens
    ``'max'``            as it is      over places    over all tokens
    ``'cls'``            as it is      refused        the first token
    ===================  ============  =============  ======================

    Args:
        features: A tensor, or a sequence of those of several stages; a stage
            that is itself a pair (map, class token), as mmpretrain's older
            vision transformers give, counts by the class token under
            ``'cls'``, by the map otherwise.
        pooling: See the table.
        stages: ``'last'`` takes the last of several stages, ``'all'`` joins
            the pooled vectors of all.

    Raises:
        ValueError: The pooling does not fit the shape.
    """
    if isinstance(features, (tuple, list)):
        if not features:
            raise ValueError('a backbone must give at least one stage, '
                             'got none')
        if stages == 'all':
            return torch.cat([_one(stage, pooling) for stage in features], 1)
        features = features[-1]
    return _one(features, pooling)


def _one(features: Any, pooling: str) -> Tensor:
    if isinstance(features, (tuple, list)):
        features = features[-1] if pooling == 'cls' else features[0]
    if not isinstance(features, Tensor):
        raise ValueError('a backbone must give tensors, got '
                         f'{type(features).__name__}')
    if features.dim() == 2:
        return features
    fitting = {3: ('cls', 'average', 'max'),
               4: ('flatten', 'average', 'max')}.get(features.dim())
    if fitting is None:
        raise ValueError('a backbone must end in (B, D), (B, L, D) or '
                         f'(B, D, H, W), got {tuple(features.shape)}')
    if pooling not in fitting:
        raise ValueError(
            f'pooling of {"tokens" if features.dim() == 3 else "a map"} must '
            f'be one of {list(fitting)}, got {pooling!r} for '
            f'{tuple(features.shape)}')
    if pooling == 'cls':
        return features[:, 0]
    if pooling == 'flatten':
        return features.flatten(1)
    places = (1, ) if features.dim() == 3 else (2, 3)
    return (features.mean(places) if pooling == 'average'
            else features.amax(places))
