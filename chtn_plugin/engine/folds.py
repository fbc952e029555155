"""Bring a fold of cross-validation into a configuration."""
from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config
from mmengine.registry import DATASETS

#: What a data set calls the seed of its folds, best first.
_SEEDS = ('val_seed', 'seed')


def use_fold(cfg: Config, fold: int, num_splits: int, seed: int = 0) -> None:
    """Train on all folds but one, and validate on that.

    Every data set of pairs gets the options ``fold`` and its seed; a source
    domain stays whole. The test data are taken out: cross-validation leaves
    them unread.

    Args:
        cfg: The configuration.
        fold: Number of the fold that validates, from 0.
        num_splits: Number of folds.
        seed: Which rows make up the folds.

    Raises:
        ValueError: It has no validation, or a data set that knows no folds.
    """
    for name in ('train', 'val'):
        loader = cfg.get(f'{name}_dataloader')
        # An empty val_cfg is one, too.
        if not loader or cfg.get(f'{name}_cfg') is None:
            raise ValueError('cross-validation needs data to train and to '
                             f'validate on: {name}_dataloader or {name}_cfg '
                             'is missing')
        found = list(_foldable(loader.get('dataset')))
        if not found:
            kind = (loader.get('dataset') or {}).get('type')
            raise ValueError('a data set must have an option fold to be '
                             f'cross-validated: {kind} of {name}_dataloader '
                             'has none')
        for dataset, seed_name in found:
            dataset['fold'] = (fold, num_splits)
            dataset[seed_name] = seed
    cfg.test_cfg = cfg.test_dataloader = cfg.test_evaluator = None


def _foldable(value: Any) -> Iterator[tuple[Any, str]]:
    """Configurations of data sets with folds, and the name of their seed."""
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _foldable(item)
    if not isinstance(value, Mapping):
        return
    kind = value.get('type')
    kind = DATASETS.get(kind) if isinstance(kind, str) else kind
    options = (inspect.signature(kind).parameters
               if inspect.isclass(kind) else {})
    if 'fold' in options:
        yield value, next(name for name in _SEEDS if name in options)
        return
    for key, item in value.items():
        if key != 'source':
            yield from _foldable(item)
