"""What a GPU must compute as the CPU does; used by benchmarks/gpu.py.

Each function takes the device to check (a CPU rehearses it), raises an
AssertionError where something is off, and returns what it measured.
"""
from __future__ import annotations

import copy
import warnings
from collections import Counter
from typing import Any

import chtn_plugin  # noqa: F401  (first: see its __init__)

import numpy as np  # isort: skip
import torch  # isort: skip
from mmengine.registry import MODELS  # isort: skip
from torch import Tensor, nn  # isort: skip
from torch.utils.data import DataLoader  # isort: skip

from chtn_plugin.datasets.collate import cross_modal_collate  # isort: skip
from chtn_plugin.evaluation import (  # isort: skip
    Embeddings,
    score_embeddings,
)
from chtn_plugin.losses import squared_mmd  # isort: skip

PAIRS, WORDS, TERMS, FEATURES = 16, 12, 20, 40
BERT = dict(model_type='bert', hidden_size=32, num_hidden_layers=2,
            num_attention_heads=2, intermediate_size=32, vocab_size=50,
            max_position_embeddings=32, hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0)
Figures = dict[str, Any]


def _picture(size: int, backbone: dict, **more: Any) -> dict:
    return dict(
        input_shape=(3, size, size), backbone=backbone,
        data_preprocessor=dict(type='CrossModalDataPreprocessor',
                               mean=[123.0] * 3, std=[58.0] * 3), **more)


def _words(kind: str, **more: Any) -> dict:
    return dict(text_encoder=dict(type=kind, num_words=50, vector_size=8,
                                  dropout=0.0, **more))


def _bert(**more: Any) -> dict:
    return dict(text_encoder=dict(type='HFTextEncoder', architecture=BERT,
                                  **more))


#: Name: what differs from ready features with a bag of words.
MODELS_CHECKED: dict[str, dict] = {
    'features': {},
    'AlexNet adapt': _picture(224, dict(type='AlexNetBN')),
    'small convolutions': _picture(
        32, dict(type='SmallConvNet', in_channels=3), trunk_mode='train'),
    'ResNet-18': _picture(64, dict(type='mmpretrain.ResNet', depth=18),
                          trunk_mode='train', pooling='average'),
    'word-CNN': _words('WordCNN', channels=6),
    **{f'BiGRU {pooling}': _words('BiGRU', hidden=6, pooling=pooling)
       for pooling in ('last', 'mean', 'max')},
    **{f'BERT {pooling}': _bert(pooling=pooling)
       for pooling in ('mean', 'pooler', 'eos')},
    'BERT frozen': _bert(frozen=True),
    'five kernels': dict(mmd=dict(type='MMDLoss', estimator='biased',
                                  num_kernels=5))}
_TOWERS = dict(
    trunk=dict(input_shape=(FEATURES, )),
    text_encoder=dict(type='VectorTextEncoder', out_features=TERMS,
                      norm=None))
#: Name: the whole configuration of another method that is trained, without
#: what it draws on its device.
METHODS_CHECKED: dict[str, dict] = {
    **{name: dict(_TOWERS, type=name, num_classes=5, dropout=0.0) for name in (
        'DeepSM', 'DSCMR', 'ACMR', 'PairContrast')},
    'SupCon': dict(_TOWERS, type='SupCon', dropout=0.0),
    'DCCA': dict(_TOWERS, type='DCCA', widths=(8, 3)),
    'MHTN': dict(_TOWERS, type='MHTN', num_classes=5, widths=(16, 16),
                 adversary_widths=(8, 8), dropout=0.0),
    'DCKT': dict(_TOWERS, type='DCKT', num_classes=5, num_source_classes=7,
                 widths=(16, 16), selection=None)}
#: Its loss is of singular values, and CUDA's solver waits for them.
WAITING = ('DCCA', )
# Rows of one batch that lack a class.
UNLABELLED = 'few labels'
MODELS_CHECKED[UNLABELLED] = dict(
    source_pathway=None, mmd=None, similarity='dot',
    pair_teacher=dict(type='PairTeacherLoss'))


def build(name: str) -> nn.Module:
    """One of those above, the same weights each time."""
    torch.manual_seed(0)
    if name in METHODS_CHECKED:
        return MODELS.build(copy.deepcopy(METHODS_CHECKED[name]))
    return MODELS.build(dict(
        dict(type='CHTN', num_classes=5, num_source_classes=7,
             input_shape=(FEATURES, ),
             text_encoder=dict(type='VectorTextEncoder', out_features=TERMS,
                               norm='bn'),
             image_pathway=dict(type='Pathway', widths=(64, 64)),
             common_head=dict(type='CommonHead', widths=(64, 64))),
        **MODELS_CHECKED[name]))


def batch(name: str, several_labels: bool = False, seed: int = 0) -> dict:
    """A batch for it, as a data loader returns it."""
    draw = torch.Generator().manual_seed(seed)
    options = MODELS_CHECKED.get(name, {})
    shape = (PAIRS, *options.get('input_shape', (FEATURES, )))

    def image() -> Tensor:
        if len(shape) == 2:
            return torch.randn(shape, generator=draw)
        return torch.randint(256, shape, generator=draw, dtype=torch.uint8)
    numbers = torch.randint(2, 48, (PAIRS, WORDS), generator=draw)
    numbers[:, 9:] = 0
    numbers[3, 1:] = 0
    text: Any = torch.rand(PAIRS, TERMS, generator=draw)
    kind = options.get('text_encoder', {}).get('type')
    if kind == 'HFTextEncoder':
        text = dict(input_ids=numbers, attention_mask=(numbers > 0).long())
    elif kind:
        text = numbers
    label = torch.randint(5, (PAIRS, ), generator=draw)
    here = torch.arange(PAIRS)
    inputs = dict(image=image(), source_image=image(), text=text)
    if name == 'DCKT':
        inputs['source_text'] = torch.rand(PAIRS, TERMS, generator=draw)
    if name == UNLABELLED:
        inputs.update(unlabelled_image=image(),
                      unlabelled_text=torch.rand(PAIRS, TERMS,
                                                 generator=draw))
    return dict(
        inputs=inputs,
        data_samples=dict(
            label=(nn.functional.one_hot(label, 5).float()
                   if several_labels else label),
            source_label=torch.randint(7, (PAIRS, ), generator=draw),
            sample_idx=here, image_idx=here, text_idx=here))


def step(model: Any, data: dict, device: str,
         dtype: torch.dtype | None = None
         ) -> tuple[dict[str, float], dict[str, Tensor]]:
    """Losses and gradients of one training step."""
    model.zero_grad()
    ready = model.data_preprocessor(copy.deepcopy(data), True)
    with torch.autocast(device, dtype or torch.bfloat16,
                        enabled=dtype is not None):
        losses = model(**ready, mode='loss')
    total, logged = model.parse_losses(losses)
    total.backward()
    return ({name: float(value.detach()) for name, value in logged.items()},
            {name: p.grad.detach().cpu().double()
             for name, p in model.named_parameters() if p.grad is not None})


def _apart(one: dict[str, float], other: dict[str, float]) -> float:
    return max(abs(value - other[name]) / (1 + abs(value))
               for name, value in one.items() if 'loss' in name)


def check_model(device: str, name: str) -> Figures:
    """Losses, gradients and predictions; fp16 and bf16 beside float32."""
    here, there = build(name).train(), build(name).to(device).train()
    found: Figures = {}
    for several in [False] + [True] * (name != UNLABELLED):
        data = batch(name, several)
        losses, gradients = step(here, data, 'cpu')
        other, others = step(there, data, device)
        off = _apart(losses, other)
        worst = max(((value - others[key]).norm() /
                     (value.norm() + 1e-3)).item()
                    for key, value in gradients.items())
        assert gradients.keys() == others.keys()
        assert off < 1e-3 and worst < 2e-2, (off, worst)
        found['loss_off'] = max(found.get('loss_off', 0.0), off)
        found['gradient_off'] = max(found.get('gradient_off', 0.0), worst)
    for dtype in ([torch.float16] * (device == 'cuda') + [torch.bfloat16]):
        half, _ = step(there, data, device, dtype)
        assert all(np.isfinite(value) for value in half.values()), half
        kind = str(dtype).removeprefix('torch.')
        found[f'{kind}_loss_off'] = _apart(other, half)
        assert found[f'{kind}_loss_off'] < 0.1, found
    there.load_state_dict(here.state_dict())
    with torch.no_grad():
        answers = [model.eval()(**model.data_preprocessor(
            copy.deepcopy(data), False), mode='predict')
            for model in (here, there)]
    found['predicted_off'] = max(
        (one[key] - two[key].cpu()).abs().max().item()
        for one, two in zip(*answers, strict=True)
        for key in ('image_repr', 'text_repr'))
    assert found['predicted_off'] < 1e-3, found
    return found


def check_waits(device: str, name: str) -> Figures:
    """No line of this package waits for the GPU within a step."""
    model = build(name).to(device).train()
    data = batch(name)
    places: Counter[str] = Counter()
    for _ in range(2):  # the first allocates
        places.clear()
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter('always')
            if device == 'cuda':
                torch.cuda.set_sync_debug_mode('warn')
            try:
                ready = model.data_preprocessor(_pinned(data, device), True)
                total, _ = model.parse_losses(model(**ready, mode='loss'))
                total.backward()
            finally:
                if device == 'cuda':
                    torch.cuda.set_sync_debug_mode('default')
        places.update(f'{w.filename.rpartition("site-packages/")[2]}:'
                      f'{w.lineno}' for w in seen
                      if 'synchroniz' in str(w.message))
    ours = [place for place in places if 'chtn_plugin/' in place]
    assert not ours or name in WAITING, f'waits at {ours}'
    return dict(waits=dict(places))


def _pinned(value: Any, device: str) -> Any:
    if isinstance(value, dict):
        return {name: _pinned(item, device) for name, item in value.items()}
    return value.clone().pin_memory() if device == 'cuda' else value.clone()


def check_tf32(device: str) -> Figures:
    """TF32 changes the losses by its ten bits of mantissa, no more."""
    kept = torch.backends.cuda.matmul.allow_tf32
    model, data = build('features').to(device).train(), batch('features')
    try:
        losses = []
        for allowed in (False, True):
            torch.backends.cuda.matmul.allow_tf32 = allowed
            losses.append(step(model, data, device)[0])
    finally:
        torch.backends.cuda.matmul.allow_tf32 = kept
    off = _apart(*losses)
    assert off < 1e-2, off
    return dict(loss_off=off)


def check_mmd(device: str) -> Figures:
    """All estimators in float64, value and gradient."""
    draw = torch.Generator().manual_seed(0)
    worst = 0.0
    for estimator in ('unbiased', 'biased'):
        for kernels in (1, 5):
            rows = [torch.randn(n, 4, dtype=torch.float64, generator=draw)
                    for n in (6, 7)]
            out = []
            for where in ('cpu', device):
                s, t = (r.clone().to(where).requires_grad_() for r in rows)
                value = squared_mmd(s, t, estimator, kernels)
                value.backward()
                assert s.grad is not None and t.grad is not None
                out.append(torch.cat([value.detach().reshape(1).cpu(),
                                      s.grad.flatten().cpu(),
                                      t.grad.flatten().cpu()]))
            worst = max(worst, (out[0] - out[1]).abs().max().item())
    assert worst < 1e-12, worst
    rows = [torch.rand(8, 4, generator=draw).to(device) for _ in range(2)]
    drawn = []
    for _ in range(2):
        torch.manual_seed(3)
        drawn.append(squared_mmd(rows[0], rows[1], 'sampled',
                                 num_samples=64))
    assert drawn[0] == drawn[1], 'one seed draws two samples'
    return dict(off=worst)


def check_evaluator(device: str) -> Figures:
    """Every digit of every query, ties and all."""
    draw = np.random.default_rng(0)
    figures: Figures = {}
    for count, several in ((1500, False), (700, True)):
        label: Any = draw.integers(0, 9, count)
        if several:
            label = np.maximum(draw.random((count, 9)) < 0.2,
                               np.eye(9)[label]).astype(np.float32)
        image, text = (np.round(draw.normal(size=(count, 16)), 1)
                       .astype(np.float32) for _ in range(2))
        image[::7] = image[0]
        rows = Embeddings(image=image, text=text, image_label=label,
                          text_label=label)
        names = ['chtn-map-all'] + ['precision@10', 'recall@10'] * (
            not several)
        here, there = (score_embeddings(rows, names, ('i2t', 't2i', 'i2i'),
                                        where) for where in (None, device))
        for one, two in zip(here, there, strict=True):
            assert np.array_equal(one.values, two.values, equal_nan=True), (
                one.protocol.name, one.direction)
        figures[f'mAP_{count}'] = here[0].value
    return figures


def check_pinning(device: str) -> Figures:
    """A worker's nested batch comes page-locked where there is a GPU."""
    items = [dict(inputs=dict(image=torch.zeros(3), text=dict(
        input_ids=torch.zeros(4, dtype=torch.int64))),
        data_samples=dict(label=i)) for i in range(8)]
    on_gpu = device == 'cuda'
    made = next(iter(DataLoader(items, 4, collate_fn=cross_modal_collate,
                                pin_memory=on_gpu)))
    pinned = (made['inputs']['text']['input_ids'].is_pinned()
              if on_gpu else False)
    assert pinned == on_gpu
    return dict(pinned=pinned)


def check_repetition(device: str, name: str = 'ResNet-18') -> Figures:
    """Five steps twice, without and with deterministic algorithms."""
    figures: Figures = {}
    for exact in (False, True):
        ends = []
        for _ in range(2):
            torch.use_deterministic_algorithms(exact)
            try:
                model = build(name).to(device).train()
                optimizer = torch.optim.SGD(
                    [p for p in model.parameters() if p.requires_grad], 0.01)
                for seed in range(5):
                    step(model, batch(name, seed=seed), device)
                    optimizer.step()
            finally:
                torch.use_deterministic_algorithms(False)
            ends.append(torch.cat([p.detach().flatten()
                                   for p in model.parameters()]))
        off = (ends[0] - ends[1]).abs().max().item()
        figures['deterministic_off' if exact else 'off'] = off
    assert figures['deterministic_off'] == 0, figures
    return figures
