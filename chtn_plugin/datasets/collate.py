"""Collate items of a data set into a batch."""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from mmengine.registry import FUNCTIONS
from torch import Tensor


@FUNCTIONS.register_module()
def cross_modal_collate(data: Sequence[Mapping] | Mapping) -> Mapping:
    """Stack items into a batch; a batch passes through untouched.

    The data sets of this package fetch whole batches (``__getitems__``),
    which costs a fraction of packing every sample into an object of its own.
    This function lets the same configuration serve a data set that does not,
    such as a ``Subset``.

    Args:
        data: Items (nested mappings of tensors and numbers), or a batch.

    Returns:
        The nested mapping, each value stacked to (B, ...).

    Raises:
        ValueError: The items of a batch have different keys or shapes.
    """
    if isinstance(data, Mapping):
        return data
    return _stack(list(data), 'batch')


def fetch_batch(dataset: Any, indices: Iterable[int]) -> Any:
    """Fetch items as a batch, at once where the data set can do so.

    Args:
        dataset: With ``__getitems__``, or of single items.
        indices: Which items.
    """
    if hasattr(dataset, '__getitems__'):
        return dataset.__getitems__(list(indices))
    return cross_modal_collate([dataset[index] for index in indices])


def _stack(values: list[Any], where: str) -> Any:
    first = values[0]
    if isinstance(first, Mapping):
        if any(value.keys() != first.keys() for value in values):
            raise ValueError(f'the items of a {where} must have the same '
                             f'keys, got {[list(v) for v in values]}')
        return {key: _stack([value[key] for value in values],
                            f'{where}.{key}') for key in first}
    if isinstance(first, Tensor):
        shapes = {tuple(value.shape) for value in values}
        if len(shapes) > 1:
            raise ValueError(
                f'the items of {where} must have one shape, got '
                f'{sorted(shapes)}: does the pipeline end in one image size?')
        return torch.stack(values)
    return torch.as_tensor(values)
