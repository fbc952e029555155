"""Try a method out on made-up features, for the checks of the contract."""
from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import mmengine.runner  # noqa: F401  (it registers the Runner)
import numpy as np
import torch
from mmengine.registry import MODELS, RUNNERS

from ..models.cross_modal_model import CrossModalModel

#: Items of a batch.
BATCH = 8
#: Classes that they are of, in turn.
CLASSES = ('bird', 'cat')


class MethodError(AssertionError):
    """A method breaks the contract; the message says which rule and how."""


class Trial:
    """A method, made-up data for it, and one short run.

    Args:
        config: Configuration of the model.
        folder: Gets data and work directory.
        source_classes: Classes of the source domain; 0: none.
        hooks: Further ``custom_hooks``.
        ranks: Processes of the distributed step.
        source_pairs: Whether the source is of pairs.
    """

    def __init__(self, config: dict, folder: Path, source_classes: int,
                 hooks: Sequence[dict], ranks: int,
                 source_pairs: bool = False) -> None:
        self.config = deepcopy(dict(config))
        self.folder = folder
        self.hooks = list(hooks)
        self.ranks = ranks
        self.source_classes = source_classes
        self.source_pairs = source_pairs
        self.metrics: dict[str, float] = {}
        model = self.build()
        require(isinstance(model, CrossModalModel), 'a method must be a '
                f'CrossModalModel, got {type(model).__name__}')
        self.name = type(model).__name__
        self.method = type(model)
        towers = model.towers()
        require({'image', 'text'} <= set(towers), 'towers() must name the '
                f"'image' and the 'text' tower, got {sorted(towers)}")
        shape = tuple(towers['image'].input_shape)
        require(len(shape) == 1, 'a method is checked on ready features: '
                f'give its image tower input_shape=(D, ), got {shape}')
        self.sizes = dict(image=shape[0], text=towers['text'].out_features)
        self._write_features()

    def build(self) -> Any:
        """Build the method with fixed weights; fit it if it is solved."""
        torch.manual_seed(0)
        model = MODELS.build(deepcopy(self.config))
        features = self.folder / 'pairs.npz'
        if (getattr(model, 'fitted_part', None) is not None
                and features.is_file()):
            with np.load(features) as arrays:
                image, text = (torch.from_numpy(arrays[f'{name}_train'])
                               for name in ('image', 'text'))
                model.fit(image, text,
                          torch.from_numpy(arrays['label_train']))
        return model

    @property
    def work_dir(self) -> Path:
        """Folder of the run."""
        return self.folder / 'run'

    @property
    def checkpoint(self) -> Path:
        """What the run saved."""
        return next(self.work_dir.glob('best_*.pth'),
                    self.work_dir / 'best.pth')

    def batch(self, source: bool = False) -> tuple[dict, dict]:
        """Return inputs and data samples of one batch."""
        draw = torch.Generator().manual_seed(1)
        inputs = {name: torch.rand(BATCH, size, generator=draw)
                  for name, size in self.sizes.items()}
        places = torch.arange(BATCH)
        samples = dict(label=places % len(CLASSES), sample_idx=places,
                       image_idx=places, text_idx=places)
        if source and self.source_classes:
            inputs['source_image'] = torch.rand(
                BATCH, self.sizes['image'], generator=draw)
            samples['source_label'] = places % self.source_classes
            if self.source_pairs:
                inputs['source_text'] = torch.rand(
                    BATCH, self.sizes['text'], generator=draw)
        return inputs, samples

    def runner(self, work_dir: Path, **changes: Any) -> Any:
        """Build a stock Runner that trains one iteration and tests."""
        train: dict[str, Any] = self._dataset('train')
        if self.source_classes:
            train = dict(
                type='HybridTransferDataset', target=train, source=dict(
                    type='FeaturePairDataset' if self.source_pairs
                    else 'SourceFeatureDataset',
                    file=str(self.folder / 'source.npz')))
        return RUNNERS.build(dict(
            type='Runner', model=deepcopy(self.config),
            work_dir=str(work_dir), default_scope='mmengine',
            train_dataloader=self._loader(train, dict(
                type='PassSampler', shuffle=True, infinite=True)),
            val_dataloader=self._loader(self._dataset('test')),
            test_dataloader=self._loader(self._dataset('test')),
            val_evaluator=dict(type='RetrievalMetric'),
            test_evaluator=dict(type='RetrievalMetric'),
            train_cfg=dict(by_epoch=False, max_iters=1, val_interval=1),
            val_cfg=dict(), test_cfg=dict(),
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.01)),
            default_hooks=dict(checkpoint=dict(
                type='SafeCheckpointHook', by_epoch=False, interval=1,
                save_best='retrieval/mean_mAP', rule='greater')),
            custom_hooks=[dict(type='ConsistencyHook'),
                          dict(type='ArchitectureHook'),
                          dict(type='FiniteLossHook'),
                          dict(type='FitHook'), *self.hooks],
            visualizer=dict(type='Visualizer', name=str(work_dir),
                            vis_backends=[]),
            # MMEngine keeps the best figure of a name within a process.
            log_level='ERROR',
            experiment_name=f'{self.folder.name}_{work_dir.name}',
            randomness=dict(seed=0), **changes))

    def _dataset(self, split: str) -> dict[str, Any]:
        return dict(
            type='FeaturePairDataset', file=str(self.folder / 'pairs.npz'),
            split=split, classes=CLASSES, arrays={
                name: {key: f'{key}_{name}' for key in ('image', 'text',
                                                        'label')}
                for name in ('train', 'val', 'test')})

    def _loader(self, dataset: dict, sampler: Any = None) -> dict[str, Any]:
        return dict(batch_size=BATCH, num_workers=0, dataset=dataset,
                    sampler=sampler or dict(type='DefaultSampler',
                                            shuffle=False),
                    collate_fn=dict(type='cross_modal_collate'))

    def _write_features(self) -> None:
        draw = np.random.default_rng(0)
        arrays: dict[str, Any] = {}
        for split, count in (('train', 24), ('val', 6), ('test', 10)):
            label = np.arange(count) % len(CLASSES)
            arrays[f'label_{split}'] = label
            for name, size in self.sizes.items():
                centre = np.random.default_rng(size).random((2, size))
                arrays[f'{name}_{split}'] = (
                    centre[label] + 0.3 * draw.random((count, size)))
        np.savez(self.folder / 'pairs.npz', **arrays)
        if self.source_classes:
            count = 4 * self.source_classes
            label = np.arange(count) % self.source_classes
            images, texts = (draw.random((count, size)).astype('f4')
                             for size in self.sizes.values())
            source: dict[str, Any] = (
                dict(image_train=images, text_train=texts, label_train=label)
                if self.source_pairs else dict(F=images, label=label))
            np.savez(self.folder / 'source.npz', **source)


def require(kept: bool, rule: str) -> None:
    """Raise :class:`MethodError` unless a rule is kept.

    Args:
        kept: Whether it is.
        rule: The rule, and what came.
    """
    if not kept:
        raise MethodError(rule)
