"""A data set that joins source images to pairs of the target domain."""
from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import repeat
from typing import Any, Optional, cast

import numpy as np
import torch
from mmengine.logging import print_log
from mmengine.registry import DATASETS
from torch.utils.data import Dataset

from .collate import fetch_batch
from .draws import Draw


@DATASETS.register_module()
class HybridTransferDataset(Dataset):
    """Target pairs, each batch joined by what else there is to learn from.

    Beside the labelled pairs of the target come labelled images (or labelled
    pairs) of the source domain, pairs of the target domain that have no
    class, or both.

    Which of them come is independent of the pairs. Under
    :class:`PassSampler` it depends on the seed and the draw's place t alone:
    draw t takes item t of a stream of shuffled passes over each, so
    every source image comes before any comes twice (if ``source_per_pair``
    is whole), whatever the order of the pairs, the number of workers or of
    ranks. Under any other sampler they are drawn with the worker's own
    randomness.

    An item is the target's, with ``inputs.source_image`` and
    ``data_samples.source_label`` added (of a source of pairs
    ``inputs.source_text`` too), and ``inputs.unlabelled_image`` and
    ``inputs.unlabelled_text``; a batch of B pairs holds
    round(B * ``source_per_pair``) source images (at least one), and pairs
    without a class likewise.

    Args:
        target: Data set of labelled pairs, or its config.
        source: Data set of labelled images, or of labelled pairs, whose
            items are then the source's (images and texts alike); or its
            config. None: no source domain.
        source_per_pair: Size of the source batch over that of the target
            batch; the release has 1.
        unlabelled: Data set of pairs without a class (usually the target's,
            with ``only='unlabelled'``), or its config; None: there are none.
            One without rows is left out, and said to be.
        unlabelled_per_pair: Size of their batch over that of the target
            batch.

    Raises:
        ValueError: A ratio is not positive, there is neither a source nor
            unlabelled pairs, or those have other classes or another text
            transform than the target.
    """

    def __init__(self,
                 target: dict | Dataset,
                 source: Optional[dict | Dataset] = None,
                 source_per_pair: float = 1.0,
                 unlabelled: Optional[dict | Dataset] = None,
                 unlabelled_per_pair: float = 1.0) -> None:
        for name, ratio in (('source_per_pair', source_per_pair),
                            ('unlabelled_per_pair', unlabelled_per_pair)):
            if ratio <= 0:
                raise ValueError(f'{name} must be positive, got {ratio}')
        if source is None and unlabelled is None:
            raise ValueError('either a source or unlabelled pairs are '
                             'needed to join the target')
        self.target: Any = _built(target)
        self.source: Any = _built(source)
        self.unlabelled: Any = _built(unlabelled)
        self.source_per_pair = source_per_pair
        self.unlabelled_per_pair = unlabelled_per_pair
        if self.unlabelled is None:
            return
        _check_alike(self.target.metainfo, self.unlabelled.metainfo)
        if not len(self.unlabelled):
            print_log('no training pair lacks its class: the batches hold '
                      'labelled pairs alone', logger='current')
            self.unlabelled = None

    @property
    def metainfo(self) -> dict[str, Any]:
        """The target's, and ``num_source_classes`` where there is a source."""
        info = dict(self.target.metainfo)
        if self.source is not None:
            source = getattr(self.source, 'metainfo', {})
            info['num_source_classes'] = (
                len(source['classes']) if source.get('classes')
                else source.get('num_classes'))
        return info

    def __len__(self) -> int:
        """Number of target pairs."""
        return len(self.target)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """One pair, one source image, one pair without class, to look at."""
        item = self.target[index]
        if self.source is not None:
            item = _merge(item, _of_source(
                self.source[self._source_draws([index])[0]]))
        if self.unlabelled is not None:
            item = _merge(item, _without_label(
                self.unlabelled[self._unlabelled_draws([index])[0]]))
        return item

    def __getitems__(self, indices: Sequence[int]) -> dict[str, Any]:
        """A batch, (B, ...), (S, ...), (U, ...); what data loaders call."""
        batch = fetch_batch(self.target, indices)
        if self.source is not None:
            size = max(1, round(len(indices) * self.source_per_pair))
            batch = _merge(batch, _of_source(fetch_batch(
                self.source, self._source_draws(indices)[:size])))
        if self.unlabelled is not None:
            size = max(1, round(len(indices) * self.unlabelled_per_pair))
            batch = _merge(batch, _without_label(fetch_batch(
                self.unlabelled, self._unlabelled_draws(indices)[:size])))
        return batch

    def _source_draws(self, indices: Sequence[int]) -> list[int]:
        """The source images that these pairs bring along, rounded up."""
        # Another seed than the pairs', or both crops would be alike.
        return _stream(indices, len(self.source), self.source_per_pair, 1)

    def _unlabelled_draws(self, indices: Sequence[int]) -> list[int]:
        """The pairs without class that these bring along, rounded up."""
        return _stream(indices, len(self.unlabelled),
                       self.unlabelled_per_pair, 2)


def _stream(indices: Sequence[int], size: int, per_pair: float,
            offset: int) -> list[int]:
    """Items of a stream of shuffled passes that belong to these draws.

    Args:
        indices: Draws of the target.
        size: Items of the data set that the stream goes over.
        per_pair: Items a draw; rounded up.
        offset: Tells the streams apart: their seed less the target's.
    """
    number = math.ceil(per_pair)
    if not isinstance(indices[0], Draw):
        return torch.randint(size, (len(indices) * number, )).tolist()
    drawn = cast(Sequence[Draw], indices)
    seed = drawn[0].seed
    places = (np.array([draw.place for draw in drawn])[:, None]
              * number + np.arange(number)).ravel()
    passes, offsets = np.divmod(places, size)
    items = np.empty_like(places)
    for pass_index in np.unique(passes).tolist():
        of_pass = passes == pass_index
        # The order of the first stream is that of earlier versions.
        items[of_pass] = _permutation(
            size, seed + offset - 1, pass_index)[offsets[of_pass]]
    return [Draw(*draw) for draw in zip(
        items.tolist(), passes.tolist(), repeat(seed + offset),
        places.tolist(), strict=False)]


def _of_source(item: Mapping[str, Any]) -> Any:
    """An item or batch of the source; pairs get names of their own."""
    inputs, samples = item['inputs'], item['data_samples']
    if 'source_image' in inputs:
        return item
    return dict(inputs={f'source_{name}': inputs[name]
                        for name in ('image', 'text')},
                data_samples=dict(source_label=samples['label']))


def _without_label(item: Mapping[str, Any]) -> dict[str, Any]:
    """A batch of pairs under names of its own, its labels left behind."""
    inputs, samples = item['inputs'], item['data_samples']
    return dict(
        inputs={f'unlabelled_{name}': inputs[name]
                for name in ('image', 'text')},
        data_samples={f'unlabelled_{name}': value
                      for name, value in samples.items()
                      if name.endswith('_idx')})


def _check_alike(target: Mapping[str, Any], other: Mapping[str, Any]) -> None:
    if list(target.get('classes', ())) != list(other.get('classes', ())):
        raise ValueError(
            'unlabelled pairs must have the classes of the target: it has '
            f'{list(target.get("classes", ()))[:5]}, they have '
            f'{list(other.get("classes", ()))[:5]}; give both data sets the '
            'same options but only=...')
    if target.get('text') != other.get('text'):
        raise ValueError(
            'unlabelled pairs must have the text transform of the target, '
            'fitted to the same texts: give both data sets the same options '
            'but only=...')


def _built(dataset: Optional[dict | Dataset]) -> Any:
    return (DATASETS.build(dataset) if isinstance(dataset, dict)
            else dataset)


@lru_cache(maxsize=4)
def _permutation(size: int, seed: int, pass_index: int) -> np.ndarray:
    return np.random.default_rng((seed, pass_index)).permutation(size)


def _merge(target: dict[str, Any], source: dict[str, Any]) -> dict[str, Any]:
    return {part: {**target[part], **source[part]}
            for part in ('inputs', 'data_samples')}
