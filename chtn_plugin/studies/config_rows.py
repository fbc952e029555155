"""Read all pairs of a configuration as its frozen towers encode them."""
from __future__ import annotations

import copy
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Optional

import numpy as np
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import DATASETS, MODELS
from torch import Tensor

from .._errors import building
from ..engine.config_files import part_of
from ..engine.feature_cache import cache_features
from ..engine.hooks.fitting.fit import training_rows
from ..evaluation.protocols import DEFAULT_PROTOCOL
from .pair_features import PairFeatures, split_datasets

#: Options of a data set that take labels away.
_FEW = ('fraction', 'per_class', 'rest', 'only')
_BATCH = 256


@dataclass(frozen=True)
class Item:
    """A pair as a person knows it.

    Attributes:
        id: Its name in the manifest, or its row in a file of features.
        path: Of its picture; None where there is none.
        text: Its text; empty where only its vector is known.
    """
    id: str
    path: Optional[str] = None
    text: str = ''


@dataclass(frozen=True)
class ConfigRows:
    """The pairs of a configuration, and what a report takes from it.

    Attributes:
        features: Vectors that its pathways get, and classes. Validation rows
            count as training rows.
        classes: Names of the C classes.
        items: The N pairs.
        test_image: Numbers of the test rows' pictures, equal where rows
            share one.
        protocol: Name of the protocol of its test.
        prior: Configuration of its class-name prior; None: it has none.
        source: Vectors (S, D) and classes (S,) of its source domain.
        config: The configuration.
    """
    features: PairFeatures
    classes: tuple[str, ...]
    items: tuple[Item, ...]
    test_image: np.ndarray
    protocol: str
    prior: Optional[dict[str, Any]]
    source: Optional[tuple[np.ndarray, np.ndarray]]
    config: Config


def read_config_rows(cfg: Config, name: str,
                     cache: str = 'data/feature_cache',
                     undo: bool = True) -> ConfigRows:
    """Encode all pairs of a configuration, labelled or not.

    Args:
        cfg: The configuration, of ready features or of frozen encoders.
        name: Short name of the set.
        cache: Folder that keeps the features of pictures.
        undo: Whether to undo options that take labels away (``fraction``,
            ``per_class``), for a report that draws labelled rows itself.

    Raises:
        ValueError: Its encoders are trained, its pairs have several classes,
            or it has no test data.
    """
    with quiet_log():
        return _read(cfg, name, cache, undo)


@contextmanager
def quiet_log() -> Iterator[None]:
    """Keep MMEngine from listing every parameter that it initialises."""
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


def _read(cfg: Config, name: str, cache: str, undo: bool) -> ConfigRows:
    model = _towers(cfg, name)
    columns: list[tuple[Tensor, Tensor, Tensor]] = []
    items: list[Item] = []
    images: list[Tensor] = []
    classes: tuple[str, ...] = ()
    train: list[np.ndarray] = []
    for split, options in _parts(cfg, name, undo).items():
        with building(f'the {split} data of {name}'):
            dataset: Any = DATASETS.build(options)
            if hasattr(dataset, 'full_init'):
                dataset.full_init()
        if split == 'train':
            classes = tuple(dataset.metainfo['classes'])
        items += [_item(dataset, row, split) for row in range(len(dataset))]
        images.append(_image_numbers(dataset))
        if getattr(dataset, 'pipeline', None) is not None and getattr(
                dataset, '_features', None) is None and hasattr(
                    dataset, 'get_data_info'):
            cache_features(model, dataset, cache)
        columns.append(training_rows(model, dataset, _BATCH))
        train.append(np.full(len(dataset), split != 'test'))
    image, text, label = (np.concatenate([part.numpy() for part in column])
                          for column in zip(*columns, strict=True))
    if label.ndim != 1:
        raise ValueError(f'{name} has several classes a pair; the ladder of '
                         'labels needs one class a pair')
    features = PairFeatures(name, image.astype(np.float32),
                            text.astype(np.float32), label.astype(np.int64),
                            np.concatenate(train))
    return ConfigRows(features, classes, tuple(items), images[-1].numpy(),
                      _protocol(cfg), _plain(cfg.model.get('class_prior')),
                      _source(cfg, model), cfg)


def _towers(cfg: Config, name: str) -> Any:
    """Build the model; only its frozen towers are used."""
    model_config = copy.deepcopy(dict(part_of(cfg, 'model', name)))
    for key in ('class_prior', 'instance', 'pair_teacher', 'init_cfg'):
        model_config.pop(key, None)
    with building(f'the model of {name}'):
        model: Any = MODELS.build(model_config)
    tower = model.towers().get('image')
    if tower is None or not hasattr(model, 'image_features'):
        raise ValueError('the ladder of labels stands behind towers of '
                         f'pictures and texts: {type(model).__name__} of '
                         f'{name} has none that encode apart')
    if cfg.model.get('backbone') is not None and tower.mode != 'frozen':
        raise ValueError(
            'the ladder of labels needs ready features or frozen encoders: '
            f'the {type(tower).__name__.lower()} of {name} is of mode '
            f'{tower.mode!r}; train such a network with tools/train.py at '
            'each number of labels')
    if any(p.requires_grad and p.dim() > 1
           for p in model.text_encoder.parameters()):
        raise ValueError(
            'the ladder of labels needs ready features or frozen encoders: '
            f'{type(model.text_encoder).__name__} of {name} is trained')
    model.init_weights()
    return model.eval()


def _parts(cfg: Config, name: str, undo: bool
           ) -> dict[str, dict[str, Any]]:
    """Configurations of the training, validation and test pairs."""
    parts: dict[str, dict[str, Any]] = {}
    for split, dataset in split_datasets(cfg, name).items():
        options = dict(dataset)
        options = copy.deepcopy(dict(options.get('target', options)))
        for key in _FEW if undo else ('only', ):
            options.pop(key, None)
        if 'unpaired' in options:
            options['unpaired'] = 'drop'
        parts[split] = options
    if 'pipeline' in parts['test']:
        # Augmented rows would differ from pass to pass.
        parts['train']['pipeline'] = parts['test']['pipeline']
    return parts


def _item(dataset: Any, row: int, split: str) -> Item:
    if not hasattr(dataset, 'get_data_info'):
        return Item(f'{split}:{row}')
    info = dataset.get_data_info(row)
    return Item(str(info.get('id', f'{split}:{row}')), info.get('img_path'),
                info.get('text') or '')


def _image_numbers(dataset: Any) -> Tensor:
    if hasattr(dataset, 'image_idx'):
        return dataset.image_idx
    if hasattr(dataset, 'data_list'):
        return torch.tensor([dataset.get_data_info(row)['image_idx']
                             for row in range(len(dataset))])
    return torch.arange(len(dataset))


def _protocol(cfg: Config) -> str:
    evaluator = cfg.get('test_evaluator') or {}
    evaluator = evaluator if isinstance(evaluator, Mapping) else evaluator[0]
    return evaluator.get('protocol', DEFAULT_PROTOCOL)


def _plain(config: Any) -> Optional[dict[str, Any]]:
    return None if config is None else dict(config)


@torch.no_grad()
def _source(cfg: Config, model: Any
            ) -> Optional[tuple[np.ndarray, np.ndarray]]:
    """Ready features of the source domain, as the image tower gives them."""
    config = dict(cfg.train_dataloader['dataset']).get('source')
    if config is None or config.get('type') != 'SourceFeatureDataset':
        return None
    return source_rows(dict(config), model.image_features)


def source_rows(config: dict[str, Any], encode: Any
                ) -> tuple[np.ndarray, np.ndarray]:
    """Vectors (S, D) and classes (S,) of a ``SourceFeatureDataset``.

    Args:
        config: Its configuration.
        encode: What the image tower does to ready features.
    """
    dataset: Any = DATASETS.build(config)
    return encode(dataset.features).numpy(), dataset.labels.numpy()
