"""Fit one method under one setting, and measure it."""
from __future__ import annotations

import tempfile
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Optional

import numpy as np
import torch
from mmengine.config import Config
from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import MODELS, DefaultScope
from mmengine.visualization import Visualizer
from torch import nn

from ..evaluation.embeddings import Embeddings
from ..evaluation.protocols import DEFAULT_PROTOCOL
from ..evaluation.scoring import score_embeddings
from ..methods.method_options import ready_features
from ..models.closed_form import ClosedFormModel
from .source_rows import SourceRows
from .spaces import method_of, needs_source

#: Baselines that are no models: see :func:`baseline_vectors`.
BASELINES = ('random', 'labels')
#: Ranks within which the very pair counts as found.
HIT_AT = (1, 10)



def model_config(method: str, setting: Mapping[str, Any], image_size: int,
                 text_size: int, num_classes: int,
                 num_source_classes: Optional[int] = None,
                 prior_file: Optional[str] = None) -> dict[str, Any]:
    """Return the configuration of a method over ready features.

    Args:
        method: Registered name, or a variant's.
        setting: Its arguments; dotted keys are left out.
        image_size: Size D of an image's vector.
        text_size: Size E of a text's.
        num_classes: Number C of classes.
        num_source_classes: Of the source domain, where the method has one.
        prior_file: What the names of the classes tell, for a setting with a
            ``class_prior``.
    """
    more: dict[str, Any] = {}
    if needs_source(method) and num_source_classes is not None:
        more['num_source_classes'] = num_source_classes
    if 'class_prior' in setting:
        more['class_prior'] = dict(setting['class_prior'], file=prior_file)
    method = method_of(method)
    return dict(
        dict(type=method, num_classes=num_classes,
             **ready_features(method, image_size, text_size)),
        **{**{key: value for key, value in setting.items()
              if '.' not in key}, **more})


def reads_labels(config: Mapping[str, Any]) -> bool:
    """Whether a model's training reads labels, or pairs alone."""
    return (config.get('num_classes') is not None
            or MODELS.get(config['type']).needs_labels)


def fit_in_process(config: dict[str, Any], image: np.ndarray,
                   text: np.ndarray, label: np.ndarray) -> Any:
    """Fit a closed form without a Runner; the state is the same.

    Args:
        config: Of :func:`model_config`.
        image: Training rows, (N, D).
        text: (N, E).
        label: (N,), -1 where unknown.
    """
    model = MODELS.build(dict(config))
    model.fit(*map(torch.from_numpy, (image, text, label)))
    return model.eval()


def fit_with_runner(config: dict[str, Any], setting: Mapping[str, Any],
                    image: np.ndarray, text: np.ndarray, label: np.ndarray,
                    seed: int, work_dir: Optional[str] = None,
                    source: Optional[SourceRows] = None) -> Any:
    """Train a method under the stock Runner.

    It gets the rows that have a label; all rows, if it reads none, or if
    pairs without a class teach it.

    Args:
        config: Of :func:`model_config`.
        setting: Its dotted keys change the configuration of the run.
        image: Training rows, (N, D).
        text: (N, E).
        label: (N,), -1 where unknown.
        seed: Of the run.
        work_dir: Folder of the run. None: one that is deleted at the end.
        source: The source domain, if the method has one.
    """
    from ..engine.launch import build_runner
    with tempfile.TemporaryDirectory() as folder:
        teaching = bool(config.get('pair_teacher')) and (label < 0).any()
        if teaching:
            known = np.ones(len(label), bool)
        elif reads_labels(config):
            known, label = label >= 0, np.maximum(label, 0)
        else:
            known, label = np.ones(len(label), bool), np.maximum(label, 0)
        file = _write_rows(folder, 'rows', image[known], text[known],
                           label[known])
        streams: list[str] = ['unlabelled'] if teaching else []
        source_data = None if source is None else _source_dataset(
            folder, source)
        cfg = training_config(config, file, seed,
                              work_dir or str(Path(folder) / 'run'),
                              streams, source_data)
        cfg.merge_from_dict({key: value for key, value in setting.items()
                             if '.' in key})
        try:
            runner = build_runner(cfg)
            runner.train()
        finally:
            forget_run(cfg.experiment_name)
    return runner.model.eval()


def _write_rows(folder: str, name: str, image: np.ndarray,
                text: np.ndarray, label: np.ndarray) -> str:
    path = Path(folder) / f'{name}.npz'
    np.savez(path, image=image, text=text, label=label)
    return str(path)


def forget_run(name: str) -> None:
    """Close a run's log file, and let go of what MMEngine keeps of it.

    It keeps the logger, visualizer and message hub of every run for the
    process's life, which hundreds of runs would fill with open files.
    """
    for manager in (MMLogger, Visualizer, MessageHub, DefaultScope):
        kept = manager._instance_dict.pop(name, None)
        for handler in getattr(kept, 'handlers', ()):
            handler.close()


def training_config(config: dict[str, Any], file: str, seed: int,
                    work_dir: str, streams: Sequence[str] = (),
                    source: Optional[Mapping[str, Any]] = None) -> Config:
    """Configure 400 updates on the rows of a file, without validation.

    Args:
        config: Of the model.
        file: Training rows.
        seed: Of the run.
        work_dir: Its folder.
        streams: ``['unlabelled']``: rows without a class are served beside
            the others.
        source: Data set of the source domain, served beside them too.
    """
    dataset = _rows_dataset(file)
    if streams or source is not None:
        dataset = dict(
            type='HybridTransferDataset',
            target=dict(dataset, only='labelled') if streams else dataset,
            **{name: dict(dataset, only=name) for name in streams})
        if source is not None:
            dataset['source'] = dict(source)
    cfg = silent_run(
        config, dataset, 1 if _is_closed_form(config['type']) else 400,
        dict(type='OptimWrapper', constructor='FusedOptimWrapperConstructor',
             optimizer=dict(type='SGD', lr=.03, momentum=.9,
                            weight_decay=5e-3)), seed, 'benchmark')
    cfg.work_dir = work_dir
    return cfg


def silent_run(model: Mapping[str, Any], dataset: Mapping[str, Any],
               iterations: int, optim_wrapper: Mapping[str, Any], seed: int,
               name: str) -> Config:
    """Configure a training that logs, draws and keeps nothing.

    Args:
        model: The model.
        dataset: What it trains on, 64 items at once.
        iterations: How many.
        optim_wrapper: The optimizer.
        seed: Of the run.
        name: What its experiment's name begins with.
    """
    return Config(dict(
        model=dict(model),
        train_dataloader=dict(
            batch_size=64, num_workers=0,
            sampler=dict(type='PassSampler', shuffle=True, infinite=True),
            collate_fn=dict(type='cross_modal_collate'),
            dataset=dict(dataset)),
        optim_wrapper=dict(optim_wrapper),
        param_scheduler=dict(type='CosineAnnealingLR', by_epoch=False,
                             T_max=iterations),
        train_cfg=dict(by_epoch=False, max_iters=iterations),
        default_hooks=dict(
            logger=dict(type='LoggerHook', interval=10**9),
            checkpoint=None,
            timer=dict(type='IterTimerHook'),
            param_scheduler=dict(type='ParamSchedulerHook'),
            sampler_seed=dict(type='DistSamplerSeedHook')),
        custom_hooks=[dict(type='IterationSeedHook'),
                      dict(type='FiniteLossHook'), dict(type='FitHook')],
        log_processor=dict(by_epoch=False), log_level='ERROR',
        randomness=dict(seed=seed), launcher='none',
        # By default the second it began in, which two runs may share.
        experiment_name=f'{name}_{uuid.uuid4().hex}'),
        # Nobody reads it, and yapf takes a tenth of a short run.
        format_python_code=False)


def _rows_dataset(file: str) -> dict[str, Any]:
    arrays = dict(image='image', text='text', label='label')
    # Nothing is validated here; without a 'val' of its own the data set would
    # cut one from the rows.
    return dict(type='FeaturePairDataset', file=file,
                arrays=dict(train=arrays, val=arrays))


def _source_dataset(folder: str, source: SourceRows) -> dict[str, Any]:
    if source.text is not None:
        return _rows_dataset(_write_rows(folder, 'source', source.image,
                                         source.text, source.label))
    path = Path(folder) / 'source.npz'
    np.savez(path, F=source.image, label=source.label)
    return dict(type='SourceFeatureDataset', file=str(path))


def _is_closed_form(method: str) -> bool:
    cls = MODELS.get(method_of(method))
    return isinstance(cls, type) and issubclass(cls, ClosedFormModel)


def fitted_model(method: str, setting: Mapping[str, Any],
                 image: np.ndarray, text: np.ndarray, label: np.ndarray,
                 num_classes: int, seed: int,
                 source: Optional[SourceRows] = None,
                 prior: Optional[Mapping[str, np.ndarray]] = None) -> Any:
    """Fit or train a method; see the two functions above.

    Args:
        method: Its name.
        setting: Its arguments.
        image: Training rows, (N, D).
        text: (N, E).
        label: (N,), -1 where unknown.
        num_classes: Number C of classes.
        seed: Of the run.
        source: The source domain; methods without one get none.
        prior: Arrays of a class-name prior, for settings that have one.
    """
    if not needs_source(method):
        source = None
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / 'prior.npz')
        if 'class_prior' in setting:
            arrays: dict[str, Any] = dict(prior or {})
            np.savez(file, **arrays)
        config = model_config(
            method, setting, image.shape[1], text.shape[1], num_classes,
            None if source is None else int(source.label.max()) + 1, file)
        if _is_closed_form(method):
            return fit_in_process(config, image, text, label)
        return fit_with_runner(config, setting, image, text, label, seed,
                               source=source)


def baseline_vectors(name: str, label: np.ndarray, num_classes: int,
                     seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Compute the vectors of a baseline, which needs no method.

    Args:
        name: ``'random'``: unrelated normal vectors. ``'labels'``: the true
            class of each item, which no method knows; what it leaves open
            (the very pair) no classifier can reach either.
        label: True classes, (N,).
        num_classes: Number C.
        seed: Of the random vectors.
    """
    if name == 'labels':
        hot = np.eye(num_classes, dtype=np.float32)[label]
        return hot, hot
    rng = np.random.default_rng(seed)
    return tuple(rng.normal(size=(len(label), 16)).astype(np.float32)
                 for _ in range(2))  # type: ignore[return-value]


@torch.inference_mode()
def encoded(model: Any, image: np.ndarray, text: np.ndarray
            ) -> dict[str, Any]:
    """Encode both modalities; return vectors and predicted classes."""
    parts = dict(image=model.encode_image(torch.from_numpy(image)),
                 text=model.encode_text(torch.from_numpy(text)))
    vectors: dict[str, Any] = {name: part.repr.float().numpy()
                               for name, part in parts.items()}
    for name, part in parts.items():
        vectors[f'{name}_class'] = (None if part.logits is None else
                                    part.logits.argmax(1).numpy())
    return vectors


def measured(vectors: Mapping[str, Any], label: np.ndarray, similarity: str,
             pairs: bool = True) -> dict[str, Any]:
    """Measure encoded rows, each a query and an item of the gallery.

    Args:
        vectors: Of :func:`encoded`.
        label: Classes, (N,).
        similarity: ``'cosine'`` or ``'dot'``.
        pairs: Whether to look for the very pair, too.

    Returns:
        ``i2t``, ``t2i`` and ``mean`` MAP; ``ap``, the AP of each query by
        direction; ``pair_hit@1`` and ``pair_hit@10``, the share of queries
        whose own pair is among the first so many, mean of both directions;
        ``accuracy_image`` and ``accuracy_text``, None without classifier.
    """
    suffix = ':dot' if similarity == 'dot' else ''
    embeddings = Embeddings(image=vectors['image'], text=vectors['text'],
                            image_label=label, text_label=label)
    scores = score_embeddings(embeddings, [DEFAULT_PROTOCOL + suffix],
                              threads=1)
    result: dict[str, Any] = {score.direction: score.value
                              for score in scores}
    result['mean'] = (result['i2t'] + result['t2i']) / 2
    result['ap'] = {score.direction: np.round(score.values, 5).tolist()
                    for score in scores}
    for name in ('image', 'text'):
        guess = vectors.get(f'{name}_class')
        result[f'accuracy_{name}'] = (None if guess is None else
                                      float((guess == label).mean()))
    if pairs:
        own = np.arange(len(label))
        hits = score_embeddings(
            Embeddings(image=vectors['image'], text=vectors['text'],
                       image_label=own, text_label=own),
            [f'hit-rate@{cut}{suffix}' for cut in HIT_AT], threads=1)
        for cut in HIT_AT:
            result[f'pair_hit@{cut}'] = float(np.mean(
                [score.value for score in hits
                 if score.protocol.cut == cut]))
    return result


def size_of(model: nn.Module) -> int:
    """Count the numbers that a method stores: parameters and fitted state."""
    return sum(value.numel() for value in model.state_dict().values())


def timed_fit(*arguments: Any, **options: Any) -> tuple[Any, float]:
    """Call :func:`fitted_model`; return the processor's seconds too."""
    start = time.process_time()
    model = fitted_model(*arguments, **options)
    return model, time.process_time() - start
