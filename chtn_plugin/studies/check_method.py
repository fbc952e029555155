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
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.registry import DefaultScope
from torch import Tensor

from ..engine.checkpoints import checkpoint_globals
from ..models.closed_form import ClosedFormModel
from ..models.cross_modal_model import Encoded
from .method_trial import BATCH, Trial, require


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


def _check_encoders(trial: Trial) -> None:
    model, (inputs, _) = trial.build().eval(), trial.batch()
    sizes = set()
    for kind in ('image', 'text'):
        encoded = _encode(model, kind, inputs[kind])
        rows = encoded.repr
        require(isinstance(encoded, Encoded), f'encode_{kind} must return an '
                f'Encoded, got {type(encoded).__name__}')
        require(rows.dtype == torch.float32 and rows.dim() == 2
                and len(rows) == BATCH, 'repr must be (B, D) float32, '
                f'encode_{kind} gives {tuple(rows.shape)} {rows.dtype}')
        require(bool(rows.isfinite().all()),
                f'repr must be finite, encode_{kind} gives NaN or infinity')
        sizes.add(rows.shape[1])
        wants = model.num_classes
        shape = None if encoded.logits is None else tuple(
            encoded.logits.shape)
        require(shape == (None if wants is None else (BATCH, wants)),
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
    require(len(items) == BATCH, 'predict must give one dictionary an item, '
            f'got {len(items)} for {BATCH}')
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
