"""Cache what a frozen image tower computes, so that it runs once an image."""
from __future__ import annotations

import functools
import hashlib
import inspect
import json
import re
import time
from collections.abc import Iterator, Mapping
from types import FunctionType
from typing import Any, Optional

import cv2
import numpy as np
import torch
from mmengine.dataset import InfiniteSampler
from mmengine.dist import barrier, get_dist_info
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.registry import HOOKS
from torch import Tensor, nn
from tqdm import tqdm

from ..datasets.images import load_image
from ..storage.row_store import (
    FORMAT,
    FeatureStore,
    content_hashes,
    folder_bytes,
)

#: Attributes of a module that say nothing about what it computes.
_BOOKKEEPING = {*vars(nn.Module()), 'init_cfg', '_is_init',
                '_params_init_info', '_device', '_non_blocking'}
_RANDOM = re.compile(r'Random|Jitter|Aug|Erasing|Mixup|CutMix')


@HOOKS.register_module()
class FeatureCacheHook(Hook):
    """Feeds a frozen image tower's features instead of the images.

    Add ``dict(type='FeatureCacheHook')`` to ``custom_hooks``; model, data
    and checkpoint stay as they are. Before training, validation or testing
    each image of the data set goes once through its pipeline and the image
    tower, and its features to disk; from then on they are read from there, in
    this run and in any later one.

    A row is keyed by the image's bytes, the transforms with their arguments
    and code, the data preprocessor, the tower's weights, options and code,
    and the versions of torch, numpy and OpenCV: a change of any of them
    finds no row, never a stale one.

    Where an image has no one feature, this says so: a tower that adapts its
    batch statistics or its weights (``trunk_mode`` ``'adapt'``, the released
    method, or ``'train'``), and transforms that draw at random.

    Args:
        folder: Folder of the cache; processes, ranks and runs share it.
        max_gb: What it may fill; the stores unused for longest are dropped.
        batch_size: Images a pass through the image tower.

    Raises:
        ValueError: Caching would change the method; the message says why.
    """

    def __init__(self, folder: str = 'data/feature_cache',
                 max_gb: float = 20., batch_size: int = 64) -> None:
        self.folder = folder
        self.max_bytes = int(max_gb * 1e9)
        self.batch_size = batch_size

    def before_train(self, runner: Any) -> None:
        """Cache the training images."""
        if self._serve(runner, runner.train_dataloader):
            _start_workers_anew(runner.train_loop)

    def before_val(self, runner: Any) -> None:
        """Cache the validation images."""
        self._serve(runner, runner.val_dataloader)

    def before_test(self, runner: Any) -> None:
        """Cache the test images."""
        self._serve(runner, runner.test_dataloader)

    def _serve(self, runner: Any, loader: Any) -> bool:
        """Cache what a loader serves; return whether anything was new."""
        model = runner.model
        model = model.module if is_model_wrapper(model) else model
        new = [dataset for dataset in image_datasets(loader.dataset)
               if not isinstance(dataset.pipeline, CachedFeatures)]
        for dataset in new:
            cache_features(model, dataset, self.folder, self.max_bytes,
                           self.batch_size)
        return bool(new)


def _start_workers_anew(loop: Any) -> None:
    """Give the workers of an iteration-based loop the cached features.

    MMEngine starts them when it builds the loop, before the weights are
    there to compute features with; each keeps the data set as it was then.
    """
    loader = loop.dataloader
    iterator = getattr(loop, 'dataloader_iterator', None)
    if iterator is None or not loader.num_workers:
        return
    sampler = loader.sampler
    if isinstance(sampler, InfiniteSampler):
        # The first workers advanced the sampler; start where they did.
        sampler.indices = sampler._indices_of_rank()
    # Persistent workers would be used again, with the old data set.
    loader._iterator = None
    loop.dataloader_iterator = type(iterator)(loader)


class CachedFeatures:
    """In place of a pipeline: an image's path to its features.

    Args:
        store: Where the rows are.
        names: Name of the row of each path.
    """

    def __init__(self, store: FeatureStore, names: Mapping[str, str]) -> None:
        self.store = store
        self.names = dict(names)

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Set ``img`` to the features, (D,)."""
        row = self.store[self.names[results['img_path']]]
        results['img'] = torch.from_numpy(np.array(row))
        return results


def cache_features(model: nn.Module, dataset: Any, folder: str,
                   max_bytes: Optional[int] = None,
                   batch_size: int = 64,
                   dtype: torch.dtype = torch.float32) -> FeatureStore:
    """Compute what is missing, then let a data set serve features.

    Args:
        model: A :class:`~chtn_plugin.models.CrossModalModel` with a frozen
            image tower.
        dataset: Has a ``pipeline`` and items with ``img_path``; its pipeline
            is replaced.
        folder: Folder of the cache.
        max_bytes: What the folder may fill.
        batch_size: Images a pass through the image tower.
        dtype: Of the pass; another than float32 has a store of its own.

    Returns:
        The store.

    Raises:
        ValueError: Caching would change the method, or the limit is too
            small.
    """
    paths = [info['img_path'] for info in map(
        dataset.get_data_info, range(len(dataset))) if info.get('img_path')]
    reason = why_not(model, dataset.pipeline, paths[:3])
    if reason:
        raise ValueError(f'features can not be cached: {reason}')
    start = time.perf_counter()
    description = _describe_all(model, dataset.pipeline)
    if dtype != torch.float32:
        description['dtype'] = str(dtype)
    store = FeatureStore(folder, fingerprint(description), description,
                         max_bytes)
    names = content_hashes(paths)
    by_name = {name: path for path, name in names.items()}
    missing = sorted(name for name in by_name if name not in store)
    rank, world = get_dist_info()
    mine = [by_name[name] for name in missing[rank::world]]
    with store.adder() as adder:
        for first in tqdm(range(0, len(mine), batch_size), 'features',
                          unit='batch', disable=None):
            chunk = mine[first:first + batch_size]
            rows = _features(model, dataset.pipeline, chunk, dtype)
            adder.add([names[path] for path in chunk], rows)
    barrier()
    store.refresh()
    dataset.pipeline = CachedFeatures(store, names)
    limit = f' of {max_bytes / 1e9:.3g}' if max_bytes else ''
    print_log(
        f'feature cache {store.folder}: {len(by_name)} images, '
        f'{len(missing)} computed, {time.perf_counter() - start:.1f} s; '
        f'cache of {folder_bytes(store.root) / 1e9:.3f}{limit} GB',
        logger='current')
    return store


def why_not(model: Any, pipeline: Any,
            paths: list[str]) -> Optional[str]:
    """Return why features must not be cached, or None if they may.

    Args:
        model: The model.
        pipeline: The data set's transforms.
        paths: A few images, to try the transforms on.
    """
    tower = model.towers().get('image')
    if tower is None:
        return f'{type(model).__name__} has no image tower'
    if reason := tower.why_uncached():
        return reason
    names = [type(transform).__name__
             for transform in getattr(pipeline, 'transforms', [])]
    random = [name for name in names if _RANDOM.search(name)]
    if random:
        return (f'{random[0]} draws at random, so an image has many '
                'features; use a centre crop')
    for path in paths:
        tries = [load_image(path, pipeline, draw) for draw in range(3)]
        if not all(torch.equal(tries[0], other) for other in tries[1:]):
            return (f'the transforms {names} give another image each time, '
                    f'tried on {path}')
    return None


def image_datasets(dataset: Any) -> Iterator[Any]:
    """Yield the data sets that load images, out of any wrapping."""
    inner = [getattr(dataset, name) for name in (
        'target', 'source', 'unlabelled', 'dataset')
        if getattr(dataset, name, None) is not None]
    inner += getattr(dataset, 'datasets', [])
    if inner:
        for part in inner:
            yield from image_datasets(part)
    elif hasattr(dataset, 'pipeline') and (
            getattr(dataset, 'image_features', None) is None):
        dataset.full_init()
        yield dataset


@torch.no_grad()
def _features(model: Any, pipeline: Any, paths: list[str],
              dtype: torch.dtype) -> np.ndarray:
    images = torch.stack([load_image(path, pipeline, 0) for path in paths])
    data = model.data_preprocessor(
        dict(inputs=dict(image=images), data_samples={}))
    tower = model.towers()['image']
    training = tower.training
    tower.eval()
    image = data['inputs']['image']
    with torch.autocast(image.device.type, dtype,
                        enabled=dtype != torch.float32):
        rows = tower(image).float().cpu().numpy()
    tower.train(training)
    return rows


def fingerprint(description: Any) -> str:
    """Return the SHA-256 of a description of plain types."""
    return hashlib.sha256(json.dumps(description, sort_keys=True,
                                     ensure_ascii=False).encode()).hexdigest()


def _describe_all(model: Any, pipeline: Any) -> dict[str, Any]:
    tower = model.towers()['image']
    device = next(iter(tower.parameters())).device.type
    return dict(
        format=FORMAT, device=device,
        versions=[torch.__version__, np.__version__, cv2.__version__],
        transforms=[describe(transform) for transform in getattr(
            pipeline, 'transforms', [pipeline])],
        data_preprocessor=describe(model.data_preprocessor),
        tower=describe(tower))


def describe(value: Any, depth: int = 8) -> Any:
    """Describe a value so that equal results mean equal behaviour.

    Arrays are hashed; an object is its class, its class's source code and
    its attributes; a module also its parts, weights and buffers.

    Args:
        value: Anything.
        depth: Levels of attributes to go down.

    Returns:
        Plain types, for :func:`fingerprint`.
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    if isinstance(value, Tensor):
        value = value.detach().cpu()
        value = value.float() if value.dtype == torch.bfloat16 else value
        return describe(value.numpy(), depth)
    if isinstance(value, np.ndarray):
        return [str(value.dtype), list(value.shape), hashlib.sha256(
            np.ascontiguousarray(value).tobytes()).hexdigest()]
    if depth == 0:
        return repr(value)
    if isinstance(value, Mapping):
        return {str(key): describe(item, depth - 1)
                for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [describe(item, depth - 1) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(map(repr, value))
    if isinstance(value, (type, FunctionType)):
        return [value.__module__, value.__qualname__, _source(value)]
    described = {'class': describe(type(value))}
    if isinstance(value, nn.Module):
        described['state'] = describe({
            **dict(value.named_parameters(recurse=False)),
            **dict(value.named_buffers(recurse=False))}, depth - 1)
        described['parts'] = {name: describe(part)
                              for name, part in value.named_children()}
    hidden = _BOOKKEEPING if isinstance(value, nn.Module) else ()
    attributes = {name: describe(item, depth - 1)
                  for name, item in getattr(value, '__dict__', {}).items()
                  if name not in hidden}
    return dict(described, attributes=attributes)


@functools.cache
def _source(value: Any) -> str:
    module = inspect.getmodule(value)
    try:
        return '' if module is None else hashlib.sha256(
            inspect.getsource(module).encode()).hexdigest()
    except (OSError, TypeError):
        return ''
