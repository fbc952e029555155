"""Source and target domain in one batch."""
from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import repeat
from typing import Any, cast

import numpy as np
import torch
from mmengine.registry import DATASETS
from torch.utils.data import Dataset

from .collate import cross_modal_collate
from .draws import Draw


@DATASETS.register_module()
class HybridTransferDataset(Dataset):
    """Target pairs, each batch joined by a batch of source images.

    Which source images come is independent of the pairs. Under
    :class:`PassSampler` it depends on the seed and the draw's place t alone:
    draw t takes image t of a stream of shuffled passes over the source, so
    every source image comes before any comes twice (if ``source_per_pair``
    is whole), whatever the order of the pairs, the number of workers or of
    ranks. Under any other sampler the images are drawn with the worker's own
    randomness.

    An item is the target's, with ``inputs.source_image`` and
    ``data_samples.source_label`` added; a batch of B pairs holds
    round(B * ``source_per_pair``) of them (at least one).

    Args:
        target: Data set of pairs, or its config.
        source: Data set of labelled images, or its config.
        source_per_pair: Size of the source batch over that of the target
            batch; the release has 1.

    Raises:
        ValueError: ``source_per_pair`` is not positive.
    """

    def __init__(self,
                 target: dict | Dataset,
                 source: dict | Dataset,
                 source_per_pair: float = 1.0) -> None:
        if source_per_pair <= 0:
            raise ValueError('source_per_pair must be positive, got '
                             f'{source_per_pair}')
        self.target: Any = (DATASETS.build(target) if isinstance(target, dict)
                            else target)
        self.source: Any = (DATASETS.build(source) if isinstance(source, dict)
                            else source)
        self.source_per_pair = source_per_pair

    @property
    def metainfo(self) -> dict[str, Any]:
        """The target's, and ``num_source_classes``."""
        info = getattr(self.source, 'metainfo', {})
        return dict(self.target.metainfo,
                    num_source_classes=info.get('num_classes'))

    def __len__(self) -> int:
        """Number of target pairs."""
        return len(self.target)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """One pair and one source image, for looking at."""
        item = self.target[index]
        source = self.source[self._source_draws([index])[0]]
        return _merge(item, source)

    def __getitems__(self, indices: Sequence[int]) -> dict[str, Any]:
        """A batch, (B, ...) and (S, ...); what data loaders call."""
        size = max(1, round(len(indices) * self.source_per_pair))
        draws = self._source_draws(indices)[:size]
        return _merge(_fetch(self.target, indices),
                      _fetch(self.source, draws))

    def _source_draws(self, indices: Sequence[int]) -> list[int]:
        """The source images that these pairs bring along, rounded up."""
        number = math.ceil(self.source_per_pair)
        size = len(self.source)
        if not isinstance(indices[0], Draw):
            return torch.randint(size, (len(indices) * number, )).tolist()
        # Another seed than the pairs', or both crops would be alike.
        drawn = cast(Sequence[Draw], indices)
        seed = drawn[0].seed
        places = (np.array([draw.place for draw in drawn])[:, None]
                  * number + np.arange(number)).ravel()
        passes, offsets = np.divmod(places, size)
        images = np.empty_like(places)
        for pass_index in np.unique(passes).tolist():
            of_pass = passes == pass_index
            images[of_pass] = _permutation(size, seed,
                                           pass_index)[offsets[of_pass]]
        return [Draw(*draw) for draw in zip(
            images.tolist(), passes.tolist(), repeat(seed + 1),
            places.tolist(), strict=False)]


@lru_cache(maxsize=4)
def _permutation(size: int, seed: int, pass_index: int) -> np.ndarray:
    return np.random.default_rng((seed, pass_index)).permutation(size)


def _fetch(dataset: Dataset, indices: Sequence[int]) -> dict[str, Any]:
    if hasattr(dataset, '__getitems__'):
        return dataset.__getitems__(indices)
    return cross_modal_collate([dataset[index] for index in indices])


def _merge(target: dict[str, Any], source: dict[str, Any]) -> dict[str, Any]:
    return {part: {**target[part], **source[part]}
            for part in ('inputs', 'data_samples')}
