"""Check that a method keeps the contract of :class:`CrossModalModel`.

In the manner of scikit-learn's ``check_estimator``: the method is built, run,
trained for one step under MMEngine's own Runner, tested, searched, exported
and published on small made-up features. Whoever writes a method of their own
calls :func:`check_method` in a test.
"""
from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from copy import deepcopy
from pathlib import Path
from typing import Any

import mmengine.runner  # noqa: F401  (it registers the Runner)
import numpy as np
import torch
from mmengine.registry import MODELS, RUNNERS, DefaultScope
from torch import Tensor

from ..engine.checkpoints import checkpoint_globals
from ..models.closed_form import ClosedFormModel
from ..models.cross_modal_model import CrossModalModel, Encoded

_BATCH = 8
_CLASSES = ('bird', 'cat')


class MethodError(AssertionError):
    """A method breaks the contract; the message says which rule and how."""


def check_method(config: dict, source_classes: int = 0,
                 hooks: Sequence[dict] = (), ranks: int = 2,
                 skip: Sequence[str] = (), source_pairs: bool = False
                 ) -> list[str]:
    """Check a method from its modes to its model card.

    Args:
        config: Configuration of the model on ready features, as small as you
            like: ``dict(type='MyMethod', num_classes=2, ...)``. Its image
            and text towers say how wide they are.
        source_classes: Classes of the source domain it trains with; 0: none.
        hooks: Further ``custom_hooks`` that its training needs.
        ranks: Processes of the distributed step; 1 leaves it out.
        skip: Names of checks to leave out, as this function returns them.
        source_pairs: Whether the source is of pairs, not of images alone.

    Returns:
        Names of the checks that were passed, in order.

    Raises:
        MethodError: A rule is broken; the message names it.
        KeyError: ``skip`` names no check.
    """
    unknown = set(skip) - set(CHECKS)
    if unknown:
        raise KeyError(f'skip must be of {list(CHECKS)}, got '
                       f'{sorted(unknown)}')
    passed = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        # Where loading is restricted already, our checkpoints still load.
        torch.serialization.add_safe_globals(checkpoint_globals())
        stack.enter_context(DefaultScope.overwrite_default_scope('mmengine'))
        trial = Trial(config, folder, source_classes, hooks, ranks,
                      source_pairs)
        for name, check in CHECKS.items():
            if name not in skip:
                check(trial)
                passed.append(name)
    return passed


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
        if isinstance(model, ClosedFormModel) and features.is_file():
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
        inputs = {name: torch.rand(_BATCH, size, generator=draw)
                  for name, size in self.sizes.items()}
        places = torch.arange(_BATCH)
        samples = dict(label=places % len(_CLASSES), sample_idx=places,
                       image_idx=places, text_idx=places)
        if source and self.source_classes:
            inputs['source_image'] = torch.rand(
                _BATCH, self.sizes['image'], generator=draw)
            samples['source_label'] = places % self.source_classes
            if self.source_pairs:
                inputs['source_text'] = torch.rand(
                    _BATCH, self.sizes['text'], generator=draw)
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
            split=split, classes=_CLASSES, arrays={
                name: {key: f'{key}_{name}' for key in ('image', 'text',
                                                        'label')}
                for name in ('train', 'val', 'test')})

    def _loader(self, dataset: dict, sampler: Any = None) -> dict[str, Any]:
        return dict(batch_size=_BATCH, num_workers=0, dataset=dataset,
                    sampler=sampler or dict(type='DefaultSampler',
                                            shuffle=False),
                    collate_fn=dict(type='cross_modal_collate'))

    def _write_features(self) -> None:
        draw = np.random.default_rng(0)
        arrays: dict[str, Any] = {}
        for split, count in (('train', 24), ('val', 6), ('test', 10)):
            label = np.arange(count) % len(_CLASSES)
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
    """Raise :class:`MethodError` unless a rule is kept."""
    if not kept:
        raise MethodError(rule)


def _check_encoders(trial: Trial) -> None:
    model, (inputs, _) = trial.build().eval(), trial.batch()
    sizes = set()
    for kind in ('image', 'text'):
        encoded = _encode(model, kind, inputs[kind])
        rows = encoded.repr
        require(isinstance(encoded, Encoded), f'encode_{kind} must return an '
                f'Encoded, got {type(encoded).__name__}')
        require(rows.dtype == torch.float32 and rows.dim() == 2
                and len(rows) == _BATCH, 'repr must be (B, D) float32, '
                f'encode_{kind} gives {tuple(rows.shape)} {rows.dtype}')
        require(bool(rows.isfinite().all()),
                f'repr must be finite, encode_{kind} gives NaN or infinity')
        sizes.add(rows.shape[1])
        wants = model.num_classes
        shape = None if encoded.logits is None else tuple(
            encoded.logits.shape)
        require(shape == (None if wants is None else (_BATCH, wants)),
                f'logits must be (B, num_classes), or None without classes: '
                f'encode_{kind} gives {shape}, num_classes is {wants}')
    require(len(sizes) == 1, 'images and texts must share one representation '
            f'size, got {sorted(sizes)}')


def _check_rows(trial: Trial) -> None:
    model, (inputs, _) = trial.build().eval(), trial.batch()
    for kind in ('image', 'text'):
        whole = _encode(model, kind, inputs[kind]).repr
        alone = _encode(model, kind, inputs[kind][2:3]).repr
        require(_close(whole[2:3], alone), 'in evaluation an item must be '
                'encoded alike in any batch: '
                f'encode_{kind} gives another vector to an item alone')


def _check_half_precision(trial: Trial) -> None:
    model, (inputs, _) = trial.build().eval(), trial.batch()
    with torch.autocast('cpu', torch.bfloat16):
        for kind in ('image', 'text'):
            dtype = _encode(model, kind, inputs[kind]).repr.dtype
            require(dtype == torch.float32, 'repr must be float32 in mixed '
                    f'precision too, encode_{kind} gives {dtype}')


def _check_predict(trial: Trial) -> None:
    model, (inputs, samples) = trial.build().eval(), trial.batch()
    with torch.no_grad():
        items = model(inputs, samples, mode='predict')
    require(len(items) == _BATCH, 'predict must give one dictionary an item, '
            f'got {len(items)} for {_BATCH}')
    for kind in ('image', 'text'):
        rows = _encode(model, kind, inputs[kind]).repr
        tested = torch.stack([item[f'{kind}_repr'] for item in items])
        require(_close(rows, tested), f'encode_{kind} must give what predict '
                'gives: they differ by '
                f'{float((rows - tested).abs().max()):.2g}')
    require({item['similarity'] for item in items} == {model.similarity},
            "predict must say the model's similarity in every item")


def _check_loss(trial: Trial) -> None:
    model, (inputs, samples) = trial.build().train(), trial.batch(True)
    terms = model(inputs, samples, mode='loss')
    require(any('loss' in name for name in terms), 'loss must return a value '
            f'with "loss" in its name, got {sorted(terms)}')
    for name, value in terms.items():
        require(isinstance(value, Tensor) and value.numel() == 1
                and bool(value.isfinite()), 'each value of loss must be a '
                f'finite scalar tensor, {name} is {value!r}')
    total, _ = model.parse_losses(terms)
    if not any(p.requires_grad for p in model.parameters()):
        return
    total.backward()
    idle = [name for name, p in model.named_parameters()
            if p.requires_grad and p.grad is None]
    require(not idle, 'every trained parameter must get a gradient '
            f'(distributed training waits for it): {idle[:3]} get none')


def _check_training(trial: Trial) -> None:
    runner = trial.runner(trial.work_dir)
    runner.train()
    require(trial.checkpoint.is_file(), 'a run must leave a checkpoint')
    trial.metrics = runner.test()


def _check_checkpoint(trial: Trial) -> None:
    again = trial.runner(trial.folder / 'again',
                         load_from=str(trial.checkpoint)).test()
    worse = {name: (value, again[name]) for name, value in
             trial.metrics.items() if value != again[name]
             and not np.isnan(value)}
    require(not worse, 'a checkpoint must give the figures of the run that '
            f'saved it: {worse}')


def _check_search(trial: Trial) -> None:
    from ..apis import RetrievalInferencer
    from ..apis.encoded_split import encode_split
    from ..apis.gallery import Gallery
    from ..evaluation import save_embeddings
    inferencer = RetrievalInferencer(trial.checkpoint, show_progress=False)
    encoded = encode_split(inferencer, progress=False)
    save_embeddings(trial.folder / 'e.npz', encoded.embeddings)
    gallery = inferencer.index(trial.folder / 'e.npz')
    require(isinstance(gallery, Gallery) and
            gallery.similarity == trial.build().similarity,
            "a gallery must compare by the model's similarity")
    inputs, _ = trial.batch()
    hits = inferencer.search(text=inputs['text'][0].numpy(), topk=3).hits
    require([hit.kind for hit in hits] == ['image'] * 3,
            'a text must find images')


def _check_export(trial: Trial) -> None:
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
    except ImportError:
        return
    from ..apis import RetrievalInferencer
    from ..export.onnx_export import export_towers
    inferencer = RetrievalInferencer(trial.checkpoint, show_progress=False)
    parity = export_towers(inferencer, trial.folder / 'onnx', samples=6)
    require(parity.difference < 1e-4, 'exported towers must answer alike, '
            f'they differ by {parity.difference:.2g}')


def _check_card(trial: Trial) -> None:
    from ..export.publish import publish
    publish(trial.checkpoint, trial.folder / 'published', 'checked',
            'made-up features', 'CC0-1.0')
    card = (trial.folder / 'published' / 'checked' / 'README.md').read_text(
        'utf-8')
    require(trial.name in card, f'a card must name {trial.name}')
    paper = trial.method.paper
    require(paper is None or paper in card,
            f'a card must give the paper of its method, {paper}')


def _check_ranks(trial: Trial) -> None:
    model = trial.build()
    if trial.ranks < 2 or isinstance(model, ClosedFormModel) or not any(
            p.requires_grad for p in model.parameters()):
        return  # nothing of it is trained; FitHook shares its rows out
    from .rank_check import states_after_one_step
    first, *others = states_after_one_step(
        trial.config, trial.method, trial.batch(True), trial.ranks,
        trial.folder)
    for other in others:
        apart = [name for name in first
                 if not torch.equal(first[name], other[name])]
        require(not apart, 'ranks must agree on the weights after a step: '
                f'{apart[:3]} differ')


def _encode(model: Any, kind: str, rows: Tensor) -> Encoded:
    with torch.no_grad():
        return getattr(model, f'encode_{kind}')(rows)


def _close(one: Tensor, other: Tensor) -> bool:
    return torch.allclose(one, other, rtol=1e-4, atol=1e-5)


#: Every check by name, in the order in which they are made.
CHECKS: dict[str, Callable[[Trial], None]] = {
    'encoders': _check_encoders,
    'rows': _check_rows,
    'half precision': _check_half_precision,
    'predict': _check_predict,
    'loss': _check_loss,
    'training': _check_training,
    'checkpoint': _check_checkpoint,
    'search': _check_search,
    'export': _check_export,
    'card': _check_card,
    'ranks': _check_ranks,
}
