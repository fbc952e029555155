"""Open a checkpoint, and rebuild its model and transforms from it alone."""
from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

import torch
from mmengine.config import ConfigDict
from mmengine.registry import MODELS, TRANSFORMS
from torch import Tensor

from chtn_plugin.text import TextTransform
from chtn_plugin.text.vocabulary import words_of

from .._errors import building
from ..engine.checkpoints import find_checkpoint, load_checkpoint
from ..engine.plain_config import check_types, plain_config, trusted_config
from ..engine.type_names import name_types

LOADERS = ('test_dataloader', 'val_dataloader', 'train_dataloader')


@dataclass
class TrainedRun:
    """What a checkpoint holds, and what it takes to use the model.

    Attributes:
        path: The checkpoint file.
        cfg: The run's configuration.
        state_dict: The weights.
        meta: The checkpoint's own ``meta``: iteration, seed, time, ….
        classes: Names of the target classes in label order.
        text_state: What the text transform was fitted to; None where texts
            were ready features.
        fingerprint: Sixteen hexadecimal digits of everything that decides
            what a picture or text is encoded to.
    """
    path: Path
    cfg: ConfigDict
    state_dict: dict[str, Tensor]
    meta: dict[str, Any]
    classes: tuple[str, ...]
    text_state: Optional[dict[str, Any]]
    fingerprint: str = ''

    def __post_init__(self) -> None:
        self.fingerprint = self.fingerprint or self._fingerprint()

    @property
    def name(self) -> str:
        """Name of the checkpoint and of its folder."""
        return f'{self.path.parent.name}/{self.path.name}'

    @property
    def vocabulary(self) -> frozenset[str]:
        """The words that the texts' network knows; empty if it has none."""
        return frozenset(words_of(self.text_state or {}) or ())

    @property
    def text_config(self) -> Optional[dict]:
        """Config of the text transform."""
        return self._of_data('text', lambda value: 'type' in value)

    @property
    def pipeline_config(self) -> Optional[list]:
        """Config of the image transforms that testing uses."""
        pipeline = self._of_data('pipeline', lambda value: not isinstance(
            value, (str, Mapping)))
        if pipeline is None:
            return None
        return [step for part in pipeline for step in _uncached(part)]

    @property
    def label_separator(self) -> Optional[str]:
        """What parts the classes of a pair in the run's manifests."""
        return self._of_data('label_separator',
                             lambda value: isinstance(value, str))

    def build_model(self) -> Any:
        """Build the model with its weights, in evaluation mode.

        Raises:
            ValueError: The weights are not those of the model.
        """
        self._check_shapes()
        with building(f'the model of {self.path}'):
            model = MODELS.build(self.cfg['model'])
        self._check_names(model)
        model.load_state_dict(self.state_dict)
        return model.eval()

    def _check_names(self, model: Any) -> None:
        expected = model.fixed_state(model.state_dict())
        stored = model.fixed_state(self.state_dict)
        lacking = [name for name in expected if name not in stored]
        beside = [name for name in stored if name not in expected]
        if lacking or beside:
            raise ValueError(
                'a checkpoint must hold the weights of its own model: '
                f'{self.path} lacks {lacking[:3]} and holds {beside[:3]} '
                'beside them')

    def _check_shapes(self) -> None:
        """Refuse weights of other shapes, before any memory is spent.

        A configuration may declare a model that no machine holds.
        """
        try:
            with torch.device('meta'):
                model = MODELS.build(self.cfg['model'])
        except Exception:
            # A part that cannot be built without its numbers; or at all,
            # which comes out when it is built with them.
            return
        for name, value in model.fixed_state(model.state_dict()).items():
            weight = self.state_dict.get(name)
            if weight is not None and weight.shape != value.shape:
                raise ValueError(
                    'a checkpoint must hold the weights of its own model: '
                    f'{name} is {tuple(value.shape)} in its configuration '
                    f'and {tuple(weight.shape)} in {self.path}')
        self._check_names(model)

    def build_text_transform(self) -> Optional[TextTransform]:
        """Build the text transform as it was fitted in training."""
        if self.text_config is None or self.text_state is None:
            return None
        with building(f'the text transform of {self.path}'):
            transform = TRANSFORMS.build(self.text_config)
            transform.load_state(self.text_state)
        return transform

    def _of_data(self, key: str, fits: Callable[[Any], bool]) -> Any:
        """A part of the data set's config, as for testing."""
        for loader in LOADERS:
            for dataset in _inside(self.cfg.get(loader)):
                # Ready features have an array of that name instead.
                if dataset.get(key) and fits(dataset[key]) and (
                        'type' in dataset):
                    return dataset[key]
        return None

    def _fingerprint(self) -> str:
        digest = hashlib.sha256()
        parts = [self.cfg.get('model'), self.pipeline_config, self.text_config,
                 self.text_state]
        digest.update(json.dumps(parts, sort_keys=True, default=str).encode())
        for name, value in sorted(self.state_dict.items()):
            digest.update(f'{name} {value.dtype} {tuple(value.shape)}'
                          .encode())
            if value.numel():
                raw = value.detach().cpu().contiguous().view(-1)
                digest.update(raw.view(torch.uint8).numpy().data)
        return digest.hexdigest()[:16]


def open_run(path: str | Path, trust: bool = False) -> TrainedRun:
    """Read a checkpoint, or the best one of a work directory.

    Args:
        path: Checkpoint file or work directory, wherever it was moved to.
        trust: Take everything it holds, programs too. Only for files whose
            author you would let run programs here. Otherwise tensors and
            plain values are read, and its configuration is read, not run.

    Raises:
        FileNotFoundError: There is no checkpoint.
        ValueError: It is torn, of a later format, holds no configuration, or
            more than plain data while it is not trusted.
    """
    file = Path(find_checkpoint(str(path), lambda line: None))
    checkpoint = load_checkpoint(str(file), trust)
    meta = checkpoint['meta']
    hub: Any = checkpoint.get('message_hub')
    hub = hub.get('runtime_info') if isinstance(hub, Mapping) else {}
    text = meta.get('cfg') or (hub or {}).get('cfg')
    if not isinstance(text, str) or 'state_dict' not in checkpoint:
        raise ValueError('a checkpoint must hold its configuration, as '
                         f'MMEngine stores it: {file} does not. Is it one of '
                         'weights alone?')
    cfg = trusted_config(text) if trust else plain_config(text)
    name_types(cfg)
    if 'model' not in cfg:
        raise ValueError('the configuration in a checkpoint must have a '
                         f'model: that of {file} has {list(cfg)[:10]}')
    if not isinstance(cfg['model'], Mapping):
        raise ValueError('the model of a configuration must be a dictionary: '
                         f'that in {file} is {cfg["model"]!r}')
    dataset = meta.get('dataset_meta') or {}
    names = dataset.get('classes') if isinstance(dataset, Mapping) else None
    if not isinstance(dataset, Mapping) or not isinstance(
            names or (), (list, tuple)):
        raise ValueError("a checkpoint's dataset_meta must be a dictionary, "
                         "its classes names: that of "
                         f'{file} is {str(dataset)[:80]}')
    run = TrainedRun(file, cfg, checkpoint['state_dict'], meta,
                     tuple(dataset.get('classes') or ()), dataset.get('text'))
    if not trust:
        check_types([cfg['model'], *(cfg.get(loader) for loader in LOADERS)])
    return run


def _inside(part: Any) -> Iterator[Mapping]:
    """Dictionaries of a config, the outer ones first; a target first."""
    if isinstance(part, Mapping):
        yield part
        for key in sorted(part, key=lambda key: (key != 'target', key)):
            if key != 'source':
                yield from _inside(part[key])
    elif isinstance(part, (list, tuple)):
        for value in part:
            yield from _inside(value)


def _uncached(step: Mapping) -> list:
    """A transform; one that caches on disk gives those inside it."""
    if step.get('type') == 'PredecodedImage':
        return list(step['transforms'])
    return [step]
