"""Refuse models, data sets and checkpoints that do not fit together."""
from __future__ import annotations

import base64
import json
import logging
from collections.abc import Mapping
from typing import Any

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.registry import HOOKS
from mmengine.runner import BaseLoop
from torch import nn
from torch.distributed.fsdp import FullyShardedDataParallel

from ....datasets.draws import Draw
from ....datasets.images import channel_order, load_image
from ....models.cross_modal_model import CrossModalModel
from ....models.normalization import check_order
from ....models.supervision import check_label
from ....text.vocabulary import composed, is_list, stored_keys, words_of
from ...feature_cache import image_datasets

_OLD_SPLITTING = (
    '. It is of a version that parted words at combining marks; where the '
    "data's words hold such, set tokenizer=dict(marks=False) in their text "
    'transform to use it')


@HOOKS.register_module()
class ConsistencyHook(Hook):
    """Checks, before anything runs, what MMEngine would run into or pass by.

    - The model has as many target and source classes as its data.
    - A checkpoint was trained with the classes (in the same order) and the
      vocabulary of the data it is to be used with. MMEngine warns at most.
    - A checkpoint holds every weight of the model, in the model's shapes, and
      none beside them but what the model says is for training only. MMEngine
      loads what fits and leaves the rest as it was initialised.
    - No batch is a single pair, which batch normalisation refuses.
    - An image tower that is not trained has its weights from somewhere; every
      one of ``custom_keys`` is part of a parameter's name. These are warnings.
    - Images come in the channel order that the backbone's weights expect,
      and of the size that the model's ``input_shape`` says. This is a
      warning: the numbers run, and mean less.

    A checkpoint of weights alone (converted from another framework) has no
    meta information; to start training from, it may lack layers, not all.

    Raises:
        ValueError: Something does not fit; the message says what.
    """
    priority = 'VERY_HIGH'

    def __init__(self) -> None:
        self._checked: set[int] = set()

    def before_train(self, runner: Any) -> None:
        """Check the training data against the model."""
        model = _bare(runner.model)
        self._check_data(runner, runner.train_dataloader)
        _check_last_batch(model, runner.train_dataloader)
        _check_origin(model, runner)
        _check_custom_keys(model, runner.cfg)

    def before_train_iter(self, runner: Any, batch_idx: int,
                          data_batch: Any = None) -> None:
        """Check the labels of a batch, which are still on the host.

        On a GPU one that is out of range would end in a device assertion,
        which names nothing.
        """
        model = _bare(runner.model)
        if not isinstance(data_batch, Mapping):
            return
        samples = data_batch.get('data_samples') or {}
        for name, number in (
                ('label', getattr(model, 'num_classes', None)),
                ('source_label', getattr(model, 'num_source_classes', None))):
            if number is not None and name in samples:
                check_label(samples[name], number, name)

    def before_val(self, runner: Any) -> None:
        """Check the validation data against the model."""
        self._check_data(runner, runner.val_dataloader)

    def before_test(self, runner: Any) -> None:
        """Check the test data against the model."""
        self._check_data(runner, runner.test_dataloader)

    def after_load_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Check a checkpoint against the model and the data."""
        model = runner.model
        if not isinstance(model, FullyShardedDataParallel):
            model = _bare(model)  # sharded, only the wrapper has whole weights
        _check_weights(model, checkpoint,
                       trains=isinstance(runner._train_loop, BaseLoop))
        stored = checkpoint.get('meta', {}).get('dataset_meta')
        if not stored:
            return
        # Loops hold the data; the runner itself may keep only their config.
        for loop in (runner._train_loop, runner._val_loop, runner._test_loop):
            loader = getattr(loop, 'dataloader', None)
            meta = getattr(getattr(loader, 'dataset', None), 'metainfo', None)
            if meta is not None:
                _check_meta(stored, meta)

    def _check_data(self, runner: Any, loader: Any) -> None:
        model = _bare(runner.model)
        meta = getattr(loader.dataset, 'metainfo', {})
        classes = meta.get('classes')
        if (classes is not None and model.num_classes is not None
                and len(classes) != model.num_classes):
            raise ValueError(
                f'num_classes must match the data: the model has '
                f'{model.num_classes}, the {meta.get("split", "")} data '
                f'{len(classes)} ({", ".join(classes[:5])}, ...)')
        if model.num_classes is not None and model.num_classes < 2:
            raise ValueError(
                'a task must have two classes at least: the '
                f'{meta.get("split", "")} data have {len(classes or ())}, by '
                'which every item is relevant to every query')
        reason = model.check_source(meta)
        if reason:
            raise ValueError(reason)
        tower = model.towers().get('image')
        if tower is None or len(tower.input_shape) == 1:
            return
        for dataset in image_datasets(loader.dataset):
            if id(dataset) not in self._checked:
                self._checked.add(id(dataset))
                _check_images(model, tower, dataset)


def _bare(model: Any) -> Any:
    return model.module if is_model_wrapper(model) else model


def _check_last_batch(model: Any, loader: Any) -> None:
    """Refuse batches of one pair under batch normalisation."""
    pairs, size = len(loader.sampler), loader.batch_size
    if size is None or not any(
            isinstance(part, nn.BatchNorm1d) and part.training
            for part in model.modules()):
        return
    last = min(pairs, (pairs - 1) % size + 1)
    if size > 1 and (loader.drop_last or last > 1
                     or getattr(loader.sampler, 'infinite', False)):
        return
    raise ValueError(
        'a training batch must have two pairs at least, to be normalised: '
        f'the last of {pairs} pairs in batches of {size} stands alone; set '
        'another batch_size, or train_dataloader.drop_last=True')


def _check_origin(model: Any, runner: Any) -> None:
    """Warn where an image tower would stay as random as it is."""
    tower = model.towers().get('image')
    if tower is None or runner._load_from or runner._resume:
        return
    if reason := tower.why_random():
        print_log(reason, logger='current', level=logging.WARNING)


def _check_custom_keys(model: Any, cfg: Mapping) -> None:
    """Warn of rates and decays that are set for no parameter."""
    optimizer = cfg.get('optim_wrapper') or {}
    keys = (optimizer.get('paramwise_cfg') or {}).get('custom_keys') or ()
    names = [name for name, _ in model.named_parameters()]
    idle = [key for key in keys if not any(key in name for name in names)]
    if idle:
        print_log(
            'custom_keys of the optimizer should be parts of parameter '
            f'names: {idle} are of none, and change nothing',
            logger='current', level=logging.WARNING)


def _check_images(model: Any, tower: Any, dataset: Any) -> None:
    check_order(tower.expected, channel_order(dataset.pipeline),
                model.data_preprocessor)
    paths = (dataset.get_data_info(index).get('img_path')
             for index in range(len(dataset)))
    path = next(filter(None, paths), None)
    if path is None:
        return
    # A draw of its own leaves the run's randomness as it is.
    image = load_image(path, dataset.pipeline, Draw(0, 0, 0, 0))
    shape = tuple(image.shape)
    if len(shape) == 3 and shape != tower.input_shape:
        print_log(
            "images must have the model's input_shape, "
            f'{tower.input_shape}: {path} has {shape} behind its '
            'transforms', logger='current', level=logging.WARNING)


def _check_weights(model: Any, checkpoint: dict, trains: bool) -> None:
    stored = checkpoint.get('state_dict', checkpoint)
    whole = 'dataset_meta' in checkpoint.get('meta', {})
    expected = model.state_dict()
    bare = _bare(model)
    if isinstance(bare, CrossModalModel):
        stored, expected = map(bare.fixed_state, (stored, expected))
    if not expected:
        return  # sharded over ranks: the first alone has whole weights
    missing = [name for name in expected if name not in stored]
    if len(missing) == len(expected):
        raise ValueError(
            'a checkpoint must hold weights of the model: this one holds '
            f'none of {list(expected)[:3]}, but {list(stored)[:3]}; '
            "tools/convert_weights.py converts a classifier's")
    if missing and (whole or not trains):
        raise ValueError(
            'a checkpoint must hold every weight of the model: this one '
            f'lacks {len(missing)}, as {missing[:3]}. Is it of another '
            'configuration?')
    training_only = getattr(_bare(model), 'training_only', ())
    beside = [name for name in stored if name not in expected
              and not name.startswith(training_only)]
    if beside and whole:
        raise ValueError(
            'a checkpoint must hold no weights beside those of the model: '
            f'this one has {len(beside)} more, as {beside[:3]}. Is it of '
            'another configuration?')
    for name, value in expected.items():
        if name in stored and stored[name].shape != value.shape:
            raise ValueError(
                'a checkpoint must have the shapes of the model: '
                f'{name} is {tuple(stored[name].shape)} in it and '
                f'{tuple(value.shape)} in the model')


def _check_meta(stored: Mapping, meta: Mapping) -> None:
    old_text, new_text = (each.get('text') or {} for each in (stored, meta))
    if old_text and new_text and stored_keys(old_text) != stored_keys(
            new_text):
        raise ValueError(
            'a checkpoint must have the text transform of the data: it was '
            f'trained with one that stores {sorted(old_text)}, that of the '
            f'data stores {sorted(new_text)}')
    for what, old, new in (
            ('classes', stored.get('classes'), meta.get('classes')),
            ('vocabulary', words_of(old_text), words_of(new_text))):
        if old is None or new is None or list(old) == list(new):
            continue
        # Earlier versions kept words as a file of vectors spells them.
        if what == 'vocabulary' and composed(old) == composed(new):
            continue
        shared = min(len(old), len(new))
        place = next((i for i in range(shared) if old[i] != new[i]), shared)
        raise ValueError(
            f'a checkpoint must have the {what} of the data: it was trained '
            f'with {len(old)}, the data have {len(new)}, and they differ '
            f'first at number {place} ({_at(old, place)!r}, '
            f'{_at(new, place)!r})' + (_OLD_SPLITTING if (
                what == 'vocabulary' and is_list(old_text)
                and not is_list(new_text)) else ''))
    old, new = (_vocabulary(text) for text in (old_text, new_text))
    if old is not None and new is not None and old != new:
        raise ValueError(
            'a checkpoint must have the tokenizer of the data: it was trained '
            'with one of another vocabulary')


def _vocabulary(text: Mapping) -> Any:
    """What a transformers' tokenizer makes numbers with, without its name.

    Releases of transformers write the settings around it differently.
    """
    files = text.get('files')
    if not files or 'tokenizer.json' not in files:
        return files
    return json.loads(base64.b64decode(files['tokenizer.json']))['model']


def _at(values: Any, place: int) -> Any:
    return list(values)[place] if place < len(values) else 'nothing'
