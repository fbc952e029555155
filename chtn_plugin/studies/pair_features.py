"""Read and prepare ready features of a whole set, alike for all methods."""
from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

import numpy as np
import torch
from mmengine.registry import DATASETS, MODELS

from .._errors import building
from ..datasets.collate import fetch_batch
from ..datasets.draws import Draw, seeded
from ..engine.config_files import part_of, read_config_file
from ..models.canonical import principal_axes
from ..models.class_name_prior import read_class_prior
from ..storage.arrays import FEATURES_HINT, ArrayFile
from ..storage.files import atomic_write

if TYPE_CHECKING:
    from .source_rows import SourceRows

#: Most numbers of a picture whose pixels are its vector.
_PIXELS = 4096
_ARRAYS = ('image', 'text', 'label', 'train')


@dataclass(frozen=True)
class Step:
    """How the vectors of a modality were prepared.

    Attributes:
        unit: Whether each was brought to length 1 first.
        mean: What was subtracted, (D,).
        axes: Principal axes, (D, P). None: all dimensions stay.
        scale: What they were divided by.
    """
    unit: bool
    mean: np.ndarray
    axes: Optional[np.ndarray]
    scale: float

    def apply(self, value: np.ndarray) -> np.ndarray:
        """Prepare vectors, (N, D) to (N, P) float32."""
        value = value.astype(np.float64)
        if self.unit:
            value = value / np.maximum(np.linalg.norm(
                value, axis=1, keepdims=True), 1e-12)
        value = value - self.mean
        if self.axes is not None:
            value = value @ self.axes
        return (value / self.scale).astype(np.float32)


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
        source: Labelled items of another set, prepared as these: the source
            domain of methods that have one (source_rows.py).
        prior: Arrays of a class-name prior whose classifier takes the images
            as they are here.
        steps: What was done to each modality, for what comes later.
        read: Images and texts as they were read, for towers that are aligned
            already.
    """
    name: str
    image: np.ndarray
    text: np.ndarray
    label: np.ndarray
    train: np.ndarray
    prepared: str = 'as they came'
    source: Optional[SourceRows] = None
    prior: Optional[Mapping[str, np.ndarray]] = None
    steps: Optional[Mapping[str, Step]] = None
    read: Optional[Mapping[str, np.ndarray]] = None

    @property
    def num_classes(self) -> int:
        """Number C of classes."""
        return int(self.label.max()) + 1

    @cached_property
    def fingerprint(self) -> str:
        """Hash of all numbers; what was measured on others has another.

        It is taken once: the arrays of a set are not to be changed.
        """
        return hash_of((self.image, self.text, self.label, self.train))


def hash_of(arrays: Iterable[np.ndarray]) -> str:
    """Hash numbers, array after array."""
    digest = hashlib.sha256()
    for value in arrays:
        digest.update(np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()[:16]


def read_pair_features(path: str | Path, name: Optional[str] = None,
                       splits: bool = True) -> PairFeatures:
    """Read a feature file or the data of a configuration.

    Args:
        path: A file of arrays, as ``tools/extract_features.py`` writes it:
            ``image_train`` (N, D), ``text_train`` (N, E), ``label_train``
            (N,) of whole numbers, likewise ``test`` and, where there is one,
            ``val``; or with ``image``, ``text``, ``label`` and ``train``
            (N,) of bool. Or a configuration whose training and test data are
            ready features, or pictures so small (up to 4,096 numbers) that
            their pixels are taken, as its data preprocessor gives them.
            Validation rows count as training rows: folds are
            cut here.
        name: Short name of the set; by default the file's.
        splits: Whether it must have both splits, and classes in training
            that the test split has.

    Raises:
        FileNotFoundError: There is no such file.
        KeyError: An array is missing.
        ValueError: The arrays do not fit together, a number is not finite,
            the data have no ready features, or a split is empty.
    """
    path = Path(path)
    if path.suffix != '.py' and not path.is_file():
        raise FileNotFoundError(f'data not found: {path}. {FEATURES_HINT}')
    parts = (_of_config(read_config_file(str(path)), str(path))
             if path.suffix == '.py' else _of_file(path))
    label = parts['label'].reshape(-1)
    if not (np.isfinite(label) & (label == np.floor(label))).all():
        raise ValueError('label must hold whole numbers, -1 where a class is '
                         f'unknown: {path} has {label[:5].tolist()}, ...')
    features = PairFeatures(
        name or path.stem, parts['image'].astype(np.float32),
        parts['text'].astype(np.float32),
        label.astype(np.int64),
        parts['train'].reshape(-1).astype(bool))
    check_vectors(features.image, features.text, features.label, str(path))
    if splits:
        _check_splits(features, str(path))
    return features


def check_vectors(image: np.ndarray, text: Optional[np.ndarray],
                  label: np.ndarray, where: str) -> None:
    """Refuse vectors that do not fit their labels, or are not finite.

    Args:
        image: (N, D).
        text: (N, E), or None.
        label: (N,).
        where: Their file, for the message.

    Raises:
        ValueError: They do not, or are not.
    """
    size = len(label)
    for name, value in (('image', image), ('text', text)):
        if value is None:
            continue
        if value.ndim != 2 or len(value) != size:
            raise ValueError(f'{name} must be (N, D) with a row a label: '
                             f'{where} has {value.shape} for {size} labels')
        broken = np.flatnonzero(~np.isfinite(value).all(1))
        if len(broken):
            raise ValueError(f'{name} vectors must be finite: {where}, rows '
                             f'{broken[:5].tolist()} are not')


def _check_splits(features: PairFeatures, where: str) -> None:
    size = len(features.label)
    if len(features.train) != size or features.train.all() or not (
            features.train.any()):
        raise ValueError('train must say of each row whether it is for '
                         f'training, and be both somewhere: {where} has '
                         f'{int(features.train.sum())} of '
                         f'{len(features.train)} training rows')
    tested = features.label[~features.train]
    if (tested < 0).any():
        raise ValueError(f'every test row needs a class: {where} has '
                         f'{int((tested < 0).sum())} without')
    strange = np.setdiff1d(tested, features.label[features.train])
    if len(strange):
        raise ValueError('every test row needs a class that training rows '
                         f'have: {where} has the labels {strange.tolist()} '
                         'in its test split alone')


def _of_file(path: Path) -> dict[str, np.ndarray]:
    arrays = ArrayFile(path, 'feature file', FEATURES_HINT)
    if 'image_train' not in arrays:
        missing = [name for name in _ARRAYS if name not in arrays]
        if missing:
            raise KeyError(f'arrays not found in {path}: {missing}, or those '
                           'of each split (image_train, ...); it has '
                           f'{list(arrays)}')
        return {name: arrays.numbers(name) for name in _ARRAYS}
    splits = [split for split in ('train', 'val', 'test')
              if f'image_{split}' in arrays]
    pieces: dict[str, list[np.ndarray]] = {name: [] for name in _ARRAYS}
    for split in splits:
        for name in _ARRAYS[:3]:
            if f'{name}_{split}' not in arrays:
                raise KeyError(f'array not found in {path}: {name}_{split}')
            pieces[name].append(arrays.numbers(f'{name}_{split}'))
        pieces['train'].append(np.full(len(pieces['image'][-1]),
                                      split != 'test'))
    if pieces['label'][0].ndim != 1 and 1 not in pieces['label'][0].shape:
        raise ValueError(f'{path} has several classes a pair; methods are '
                         'compared on data of one class a pair')
    return {name: np.concatenate([part.reshape(-1) if name == 'label'
                                  else part for part in parts])
            for name, parts in pieces.items()}


def _of_config(cfg: Any, where: str) -> dict[str, np.ndarray]:
    pieces: dict[str, list[np.ndarray]] = {name: [] for name in _ARRAYS}
    pixels = pixel_preprocessor(cfg)
    for split, config in split_datasets(cfg, where).items():
        for inputs, label in _served(config):
            for name in ('image', 'text'):
                pieces[name].append(as_vectors(
                    inputs[name], pixels if name == 'image' else None, name,
                    where))
            if label.dim() != 1:
                raise ValueError(
                    f'{where} has several classes a pair; methods are '
                    'compared on data of one class a pair')
            pieces['label'].append(label.numpy())
            pieces['train'].append(np.full(len(label), split != 'test'))
    return {name: np.concatenate(parts) for name, parts in pieces.items()}


def pixel_preprocessor(cfg: Any) -> Any:
    """What a configuration's model does to pictures first, or None."""
    model = cfg.get('model')
    return model.get('data_preprocessor') if isinstance(model, dict) else None


def split_datasets(cfg: Any, where: str) -> dict[str, Any]:
    """Return the data sets of a configuration, by split.

    Validation data that are the test data again are left out: a set without
    validation rows of its own, whose test rows must not train.

    Args:
        cfg: The configuration.
        where: Its file or name, for messages.

    Raises:
        ValueError: It has no training data, or no test data.
    """
    found: dict[str, Any] = {}
    for split in ('train', 'val', 'test'):
        if cfg.get(f'{split}_dataloader'):
            found[split] = part_of(part_of(
                cfg, f'{split}_dataloader', where), 'dataset', where)
        elif split != 'val':
            raise ValueError(f'{where} has no {split} data')
    if 'val' in found and all(
            found['val'].get(key) == found['test'].get(key)
            for key in ('split', 'ann_file', 'file', 'data_root')):
        del found['val']
    return found


def _served(config: Any) -> Iterator[tuple[Any, torch.Tensor]]:
    """Inputs and labels of pairs, and of those without a class."""
    for part in (config.get('target', config), config.get('unlabelled')):
        with building('the data'):
            dataset: Any = None if part is None else DATASETS.build(part)
            if hasattr(dataset, 'full_init'):
                dataset.full_init()
        if dataset is None or not len(dataset):
            continue
        # A pipeline that draws at random draws alike each time: what was
        # measured is found again by a hash of the rows.
        with seeded(Draw(0, 0, 0, 0)):
            batch = fetch_batch(dataset, range(len(dataset)))
        yield batch['inputs'], batch['data_samples']['label']


def as_vectors(value: Any, preprocessor: Any, name: str, where: str
               ) -> np.ndarray:
    """Return what a data set served as vectors, (N, D) float32.

    Args:
        value: Ready features (N, D), or pictures (N, C, H, W) of up to 4,096
            numbers, whose pixels are taken.
        preprocessor: Configuration of what prepares pictures, or None.
        name: Of the modality, for the message.
        where: Of the data, likewise.

    Raises:
        ValueError: They are neither.
    """
    small = isinstance(value, torch.Tensor) and value.dim() == 4 and (
        value[0].numel() <= _PIXELS)
    if small:
        if preprocessor is not None:
            value = MODELS.build(preprocessor)(dict(
                inputs=dict(image=value), data_samples={}))['inputs']['image']
        value = value.flatten(1).float()
    if not isinstance(value, torch.Tensor) or value.dim() != 2 or (
            not value.is_floating_point()):
        raise ValueError(
            f'the {name}s of {where} must be ready features, (N, D): '
            'tools/extract_features.py makes such of pictures and words')
    return value.numpy()


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
    steps: dict[str, Step] = {}
    for name in ('image', 'text'):
        value = getattr(features, name).astype(np.float64)
        if name in l2_normalized:
            value = value / np.maximum(np.linalg.norm(
                value, axis=1, keepdims=True), 1e-12)
        mean, axes = value[features.train].mean(0), None
        value = value - mean
        if dimensions is not None and dimensions < value.shape[1]:
            axes = principal_axes(value[features.train], dimensions)
            value = value @ axes
        scale = np.sqrt((value[features.train]**2).sum(1).mean()) or 1.
        done[name] = (value / scale).astype(np.float32)
        steps[name] = Step(name in l2_normalized, mean, axes, float(scale))
    lengths = (f'{" and ".join(l2_normalized)} vectors to length 1, '
               if l2_normalized else '')
    cut = (f', at most {dimensions} principal components of each'
           if dimensions else '')
    read = dict(image=features.image, text=features.text)
    return replace(features, **done, steps=steps, read=read, prepared=(
        f'{lengths}centred and scaled by the training rows{cut}'))


def with_class_prior(features: PairFeatures, path: str | Path,
                     scale: float) -> PairFeatures:
    """Give a prepared set a class-name prior, for its images as they are.

    The classifier takes vectors as they were before the preparation; what
    the principal components leave out is 0 for it. One of vectors of another
    size is left out: names of classes in the texts' space, which are all that
    'zero-shot' needs, may come with a classifier of other pictures' vectors.

    Args:
        features: Prepared.
        path: A file of tools/make_class_prior.py for the set's classes.
        scale: As in :class:`~chtn_plugin.models.ClassNamePrior`.

    Raises:
        FileNotFoundError: There is no such file.
        KeyError: An array is missing.
        ValueError: It is of other classes.
    """
    assert features.steps is not None
    step = features.steps['image']
    prior: dict[str, Any] = {name: value.astype(np.float64) for name, value
                             in read_class_prior(path).items()}
    if len(prior['target_names']) != features.num_classes:
        raise ValueError(
            f'target_names must have a row a class: {path} has '
            f'{len(prior["target_names"])}, {features.name} has '
            f'{features.num_classes} classes')
    if prior['source_weight'].shape[1] != len(step.mean):
        return replace(features, prior=dict(
            target_names=prior['target_names'].astype(np.float32)))
    weight = scale * prior['source_weight']
    prior['source_bias'] = prior['source_bias'] + weight @ step.mean
    if step.axes is not None:
        weight = weight @ step.axes
    prior['source_weight'] = weight * step.scale
    return replace(features, prior={name: value.astype(np.float32)
                                    for name, value in prior.items()})


def save_pair_features(path: str | Path, arrays: Mapping[str, np.ndarray]
                       ) -> None:
    """Write what :func:`read_pair_features` reads."""
    missing = [name for name in _ARRAYS if name not in arrays]
    if missing:
        raise KeyError(f'arrays must hold {list(_ARRAYS)}, missing {missing}')
    with atomic_write(path) as file:
        np.savez(file, image=arrays['image'], text=arrays['text'],
                 label=arrays['label'], train=arrays['train'])
