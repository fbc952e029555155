"""Fit closed-form parts of a model to all training rows before the loop."""
from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmengine.dist import (
    all_gather_object,
    broadcast_object_list,
    get_dist_info,
)
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.registry import HOOKS
from torch import Tensor

from ....datasets.collate import fetch_batch
from ....models.supervision import check_whole_pairs
from ...feature_cache import CachedFeatures


@HOOKS.register_module()
class FitHook(Hook):
    """Fits what has a closed form to all training rows, before iteration 1.

    It makes one pass over the training pairs in their order, with the image
    transforms of validation where there are any (augmentation would make the
    fit depend on chance), and calls the model's ``fit``. The ranks of a
    distributed run share the pass out; rank 0 solves, and all get its
    solution. A resumed run is fitted already. A model whose ``fitted_part``
    is None, it leaves alone.

    Args:
        batch_size: Pairs a pass through the towers.
    """
    # Runs after FeatureCacheHook, whose features it reads.
    priority = 'LOW'

    def __init__(self, batch_size: int = 256) -> None:
        if batch_size < 1:
            raise ValueError('batch_size must be at least 1, got '
                             f'{batch_size}')
        self.batch_size = batch_size

    def before_train(self, runner: Any) -> None:
        """Fit, unless the run goes on from a later iteration."""
        model = runner.model
        model = model.module if is_model_wrapper(model) else model
        part = getattr(model, 'fitted_part', None)
        if part is None or runner.iter:
            return
        columns = [training_rows(model, evaluated(part, runner),
                                 self.batch_size)
                   for part in target_parts(runner.train_dataloader.dataset)]
        image, text = (torch.cat(rows) for rows in list(
            zip(*columns, strict=True))[:2])
        label = _labels([column[2] for column in columns])
        state: list[Any] = [None]
        rank, _ = get_dist_info()
        if rank == 0:
            try:
                model.fit(image, text, label)
                state = [{name: value.cpu() for name, value
                          in part.state_dict().items()}]
            except ValueError as error:
                # All ranks need it: they would wait for this one for ever.
                state = [error]
        broadcast_object_list(state)
        if isinstance(state[0], ValueError):
            raise state[0]
        if rank:
            part.load_state_dict(state[0])
        print_log(f'{type(model).__name__} was fitted to {len(image)} '
                  'training pairs', logger='current')


def target_parts(dataset: Any) -> list[Any]:
    """Return the data sets of training pairs, with and without a class.

    Args:
        dataset: The training data set, whatever joins its pairs.
    """
    unlabelled = getattr(dataset, 'unlabelled', None)
    return [getattr(dataset, 'target', dataset),
            *([] if unlabelled is None else [unlabelled])]


def _labels(parts: list[Tensor]) -> Tensor:
    """Join labels; a part of other pairs than the first has none."""
    for part in parts[1:]:
        part.fill_(float('nan') if part.is_floating_point() else -1)
    return torch.cat(parts)


def evaluated(dataset: Any, runner: Any) -> Any:
    """Return the training pairs with the transforms of validation.

    Args:
        dataset: One of :func:`target_parts`.
        runner: Its validation data set, if there is one, lends its pipeline.
    """
    loop = runner.val_loop
    other = getattr(getattr(loop, 'dataloader', None), 'dataset', None)
    pipeline = getattr(other, 'pipeline', None)
    own = getattr(dataset, 'pipeline', None)
    if pipeline is None or own is None or isinstance(own, CachedFeatures):
        return dataset
    dataset = copy.copy(dataset)
    dataset.pipeline = pipeline
    return dataset


@torch.no_grad()
def training_rows(model: Any, dataset: Any, batch_size: int
                  ) -> tuple[Tensor, Tensor, Tensor]:
    """Compute the vectors of all pairs of a data set, on every rank.

    Args:
        model: Its towers and data preprocessor are used, in evaluation mode.
        dataset: Pairs; served by ``__getitems__`` or one by one.
        batch_size: Pairs at a time.

    Returns:
        Image vectors (N, D), text vectors (N, E), labels (N,) or (N, C), on
        the processor, in the data set's order.

    Raises:
        ValueError: A pair lacks its image or text.
    """
    rank, world = get_dist_info()
    starts = range(0, len(dataset), batch_size)
    was_training = model.training
    model.eval()
    mine = [_batch(model, dataset, range(start, min(
        start + batch_size, len(dataset)))) for start in starts[rank::world]]
    model.train(was_training)
    shares = all_gather_object(mine)
    ordered = [shares[place % world][place // world]
               for place in range(len(starts))]
    image, text, label = (torch.from_numpy(np.concatenate(column))
                          for column in zip(*ordered, strict=True))
    return image, text, label


def _batch(model: Any, dataset: Any, rows: Sequence[int]
           ) -> tuple[np.ndarray, ...]:
    data = model.data_preprocessor(fetch_batch(dataset, rows), False)
    check_whole_pairs(data['data_samples'])
    inputs = data['inputs']
    return tuple(value.float().cpu().numpy() if value.is_floating_point()
                 else value.cpu().numpy() for value in (
                     model.image_features(inputs['image']),
                     model.text_features(inputs['text']),
                     data['data_samples']['label']))
