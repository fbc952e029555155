"""Read and prepare ready features of a whole set, alike for all methods."""
from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Optional

import numpy as np
import torch
from mmengine.registry import DATASETS

from ..datasets.collate import cross_modal_collate
from ..engine.config_files import read_config_file
from ..models.canonical import principal_axes
from ..storage.arrays import ArrayFile
from ..storage.files import atomic_write

_ARRAYS = ('image', 'text', 'label', 'train')


@dataclass(frozen=True)
class PairFeatures:
    """Vectors and classes of all pairs of a set.

    Attributes:
        name: Short name of the set.
        image: (N, D) float32.
        text: (N, E) float32.
        label: Class numbers, (N,); -1 where a training row's is unknown.
        train: Whether a row is for training, (N,) bool; the rest are the
            test split.
        prepared: What was done to the vectors, in words.
    """
    name: str
    image: np.ndarray
    text: np.ndarray
    label: np.ndarray
    train: np.ndarray
    prepared: str = 'as they came'

    @property
    def num_classes(self) -> int:
        """Number C of classes."""
        return int(self.label.max()) + 1

    @cached_property
    def fingerprint(self) -> str:
        """Hash of all numbers; what was measured on others has another.

        It is taken once: the arrays of a set are not to be changed.
        """
        digest = hashlib.sha256()
        for value in (self.image, self.text, self.label, self.train):
            digest.update(np.ascontiguousarray(value).tobytes())
        return digest.hexdigest()[:16]


def read_pair_features(path: str | Path,
                       name: Optional[str] = None) -> PairFeatures:
    """Read a feature file or the data of a configuration.

    Args:
        path: A file of arrays, as ``tools/extract_features.py`` writes it:
            ``image_train`` (N, D), ``text_train`` (N, E), ``label_train``
            (N,) of whole numbers, likewise ``test`` and, where there is one,
            ``val``; or with ``image``, ``text``, ``label`` and ``train``
            (N,) of bool. Or a configuration whose training and test data are
            ready features. Validation rows count as training rows: folds are
            cut here.

    Raises:
        FileNotFoundError: There is no such file.
        KeyError: An array is missing.
        ValueError: The arrays do not fit together, a number is not finite,
            the data have no ready features, or a split is empty.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'data not found: {path}')
    parts = (_of_config(read_config_file(str(path)), str(path))
             if path.suffix == '.py' else _of_file(path))
    features = PairFeatures(
        name or path.stem, parts['image'].astype(np.float32),
        parts['text'].astype(np.float32),
        parts['label'].reshape(-1).astype(np.int64),
        parts['train'].reshape(-1).astype(bool))
    _check(features, str(path))
    return features


def _check(features: PairFeatures, where: str) -> None:
    size = len(features.label)
    for name in ('image', 'text'):
        value = getattr(features, name)
        if value.ndim != 2 or len(value) != size:
            raise ValueError(f'{name} must be (N, D) with a row a label: '
                             f'{where} has {value.shape} for {size} labels')
        broken = np.flatnonzero(~np.isfinite(value).all(1))
        if len(broken):
            raise ValueError(f'{name} vectors must be finite: {where}, rows '
                             f'{broken[:5].tolist()} are not')
    if len(features.train) != size or features.train.all() or not (
            features.train.any()):
        raise ValueError('train must say of each row whether it is for '
                         f'training, and be both somewhere: {where} has '
                         f'{int(features.train.sum())} of '
                         f'{len(features.train)} training rows')
    strange = np.setdiff1d(features.label[~features.train],
                           features.label[features.train])
    if len(strange) or (features.label[~features.train] < 0).any():
        raise ValueError('every test row needs a class that training rows '
                         f'have: {where} has the labels {strange.tolist()} '
                         'in its test split alone')


def _of_file(path: Path) -> dict[str, np.ndarray]:
    arrays = ArrayFile(path, 'feature file')
    if 'image_train' not in arrays:
        missing = [name for name in _ARRAYS if name not in arrays]
        if missing:
            raise KeyError(f'arrays not found in {path}: {missing}, or those '
                           'of each split (image_train, ...); it has '
                           f'{list(arrays)}')
        return {name: arrays.numbers(name) for name in _ARRAYS}
    splits = [split for split in ('train', 'val', 'test')
              if f'image_{split}' in arrays]
    found: dict[str, list[np.ndarray]] = {name: [] for name in _ARRAYS}
    for split in splits:
        for name in _ARRAYS[:3]:
            if f'{name}_{split}' not in arrays:
                raise KeyError(f'array not found in {path}: {name}_{split}')
            found[name].append(arrays.numbers(f'{name}_{split}'))
        found['train'].append(np.full(len(found['image'][-1]),
                                      split != 'test'))
    if found['label'][0].ndim != 1 and 1 not in found['label'][0].shape:
        raise ValueError(f'{path} has several classes a pair; methods are '
                         'compared on data of one class a pair')
    return {name: np.concatenate([part.reshape(-1) if name == 'label'
                                  else part for part in parts])
            for name, parts in found.items()}


def _of_config(cfg: Any, where: str) -> dict[str, np.ndarray]:
    found: dict[str, list[np.ndarray]] = {name: [] for name in _ARRAYS}
    for split in ('train', 'val', 'test'):
        loader = cfg.get(f'{split}_dataloader')
        if not loader:
            if split == 'val':
                continue
            raise ValueError(f'{where} has no {split} data')
        config = loader['dataset']
        for inputs, label in _served(config):
            _add(found, inputs, label, split, where)
    return {name: np.concatenate(parts) for name, parts in found.items()}


def _served(config: Any) -> Iterator[tuple[Any, torch.Tensor]]:
    """Inputs and labels of pairs, and of those without a class."""
    for part in (config.get('target', config), config.get('unlabelled')):
        dataset: Any = None if part is None else DATASETS.build(part)
        if hasattr(dataset, 'full_init'):
            dataset.full_init()
        if dataset is None or not len(dataset):
            continue
        rows = list(range(len(dataset)))
        batch = (dataset.__getitems__(rows)
                 if hasattr(dataset, '__getitems__') else
                 cross_modal_collate([dataset[row] for row in rows]))
        yield batch['inputs'], batch['data_samples']['label']


def _add(found: dict[str, list[np.ndarray]], inputs: Any,
         label: torch.Tensor, split: str, where: str) -> None:
    """Add the rows of a part, checked."""
    for name in ('image', 'text'):
        value = inputs[name]
        if not isinstance(value, torch.Tensor) or value.dim() != 2 or (
                not value.is_floating_point()):
            raise ValueError(
                f'the {name}s of {where} must be ready features, (N, D): '
                'tools/extract_features.py makes such of pictures and '
                'words')
        found[name].append(value.numpy())
    if label.dim() != 1:
        raise ValueError(f'{where} has several classes a pair; methods '
                         'are compared on data of one class a pair')
    found['label'].append(label.numpy())
    found['train'].append(np.full(len(label), split != 'test'))


def prepare(features: PairFeatures, dimensions: Optional[int],
            l2_normalized: Sequence[str] = ('image', 'text')
            ) -> PairFeatures:
    """Prepare vectors once, by the training rows' statistics, no labels.

    Length 1 where asked for, mean 0, principal components, mean square
    length 1.

    Args:
        features: As read.
        dimensions: Most components of a modality. None: all dimensions.
        l2_normalized: Modalities whose vectors are scaled to length 1.
    """
    done: dict[str, Any] = {}
    for name in ('image', 'text'):
        value = getattr(features, name).astype(np.float64)
        if name in l2_normalized:
            value = value / np.maximum(np.linalg.norm(
                value, axis=1, keepdims=True), 1e-12)
        value = value - value[features.train].mean(0)
        if dimensions is not None and dimensions < value.shape[1]:
            value = value @ principal_axes(value[features.train], dimensions)
        scale = np.sqrt((value[features.train]**2).sum(1).mean()) or 1.
        done[name] = (value / scale).astype(np.float32)
    lengths = (f'{" and ".join(l2_normalized)} vectors to length 1, '
               if l2_normalized else '')
    cut = (f', at most {dimensions} principal components of each'
           if dimensions else '')
    return replace(features, **done, prepared=(
        f'{lengths}centred and scaled by the training rows{cut}'))


def save_pair_features(path: str | Path, arrays: Mapping[str, np.ndarray]
                       ) -> None:
    """Write what :func:`read_pair_features` reads."""
    missing = [name for name in _ARRAYS if name not in arrays]
    if missing:
        raise KeyError(f'arrays must hold {list(_ARRAYS)}, missing {missing}')
    with atomic_write(path) as file:
        np.savez(file, image=arrays['image'], text=arrays['text'],
                 label=arrays['label'], train=arrays['train'])
