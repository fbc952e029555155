"""A step of every text encoder asks the device for nothing.

As seen on a device without values; see fake_gpu.py.
"""
from __future__ import annotations

from contextlib import ExitStack
from unittest import mock

import pytest
import torch
from fake_gpu import fake_gpu
from mmengine.registry import MODELS

from chtn_plugin.losses import gathering, mmd
from chtn_plugin.losses.gathering import mean_square_distance

B, L, D = 6, 12, 10
BERT = dict(model_type='bert', hidden_size=8, num_hidden_layers=1,
            num_attention_heads=2, intermediate_size=8, vocab_size=50,
            max_position_embeddings=16)
VECTORS = dict(type='VectorTextEncoder', out_features=D, norm='bn')
ENCODERS = {
    'vectors': VECTORS,
    'word-CNN': dict(type='WordCNN', num_words=50, vector_size=4,
                     channels=3),
    **{f'BiGRU {pooling}': dict(type='BiGRU', num_words=50, vector_size=4,
                                hidden=3, pooling=pooling)
       for pooling in ('last', 'mean', 'max')},
    **{f'BERT {pooling}': dict(type='HFTextEncoder', architecture=BERT,
                               pooling=pooling)
       for pooling in ('mean', 'eos', 'pooler')},
    'BERT frozen': dict(type='HFTextEncoder', architecture=BERT,
                        frozen=True)}


def build(encoder, **options):
    return MODELS.build(dict(
        dict(type='CHTN', num_classes=3, num_source_classes=4,
             input_shape=(7, ), text_encoder=encoder,
             image_pathway=dict(type='Pathway', widths=(8, 8)),
             common_head=dict(type='CommonHead', widths=(8, 8))),
        **options)).to('meta').train()


def batch(kind):
    numbers = torch.arange(2, 2 + B * L).view(B, L) % 48 + 1
    numbers[:, 9:] = 0
    numbers[3, 1:] = 0
    text = dict(vectors=torch.rand(B, D), words=numbers, tokens=dict(
        input_ids=numbers, attention_mask=(numbers > 0).long()))[kind]
    here = torch.arange(B)
    return dict(inputs=dict(image=torch.rand(B, 7), text=text,
                            source_image=torch.rand(B, 7)),
                data_samples=dict(label=here % 3, source_label=here % 4,
                                  sample_idx=here, image_idx=here,
                                  text_idx=here))


def steps(model, data, number):
    """Waits of each of a number of training steps, those of ours."""
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    found = []
    for _ in range(number):
        with fake_gpu() as waits:
            ready = model.data_preprocessor(data, True)
            total, _ = model.parse_losses(model(**ready, mode='loss'))
            total.backward()
            optimizer.step()
            optimizer.zero_grad()
        # transformers itself asks whether a mask is all ones.
        found.append([wait for wait in waits
                      if not wait.startswith('transformers/masking_utils')])
    return found


@pytest.mark.parametrize('name', ENCODERS)
def test_a_training_step_waits_for_nothing(name):
    kind = ('tokens' if 'BERT' in name else
            'vectors' if name == 'vectors' else 'words')
    assert steps(build(ENCODERS[name]), batch(kind), 2) == [[], []]


def test_neither_do_other_ways_through_the_model():
    model = build(VECTORS, mmd=dict(type='MMDLoss', estimator='sampled'),
                  backbone=dict(type='SmallConvNet', in_channels=3),
                  input_shape=(3, 16, 16), trunk_mode='train')
    data = batch('vectors')
    for name in ('image', 'source_image'):
        data['inputs'][name] = torch.zeros(B, 3, 16, 16, dtype=torch.uint8)
    data['data_samples']['label'] = torch.eye(3)[
        data['data_samples']['label']]
    assert steps(model, data, 1) == [[]]


def test_the_bandwidth_of_all_ranks_is_summed_without_a_wait():
    with fake_gpu() as waits:
        mean_square_distance(torch.ones(3, 2, device='meta'))
    assert waits == []


@pytest.fixture
def as_of_two_ranks():
    """Let the losses see a second rank that holds the same rows."""
    with ExitStack() as patches:
        for module in (gathering, mmd):
            patches.enter_context(mock.patch.object(
                module, 'get_world_size', lambda: 2))
        patches.enter_context(mock.patch.object(
            gathering, 'get_rank', lambda: 0))
        asked = patches.enter_context(mock.patch.object(
            gathering, 'all_gather_numbers',
            side_effect=lambda numbers: [numbers, numbers]))
        for name in ('all_gather', 'all_reduce'):
            patches.enter_context(mock.patch.object(
                torch.distributed, name, lambda *tensors: None))
        yield asked


@pytest.mark.parametrize('scope, estimator', [
    ('batch', 'unbiased'), ('auto', 'biased'), ('bandwidth', 'unbiased'),
    ('auto', 'sampled')])
def test_neither_does_the_transfer_loss_of_several_ranks(
        as_of_two_ranks, scope, estimator):
    model = build(VECTORS, mmd=dict(type='MMDLoss', scope=scope,
                                    estimator=estimator))
    assert steps(model, batch('vectors'), 2) == [[], []]


def test_ranks_agree_on_numbers_that_never_were_on_the_device(
        as_of_two_ranks):
    rows = torch.ones(3, 2, device='meta')
    with fake_gpu() as waits:
        gathered, other = gathering.gather_rows(rows, rows[:2])
    assert waits == []
    assert (len(gathered), len(other)) == (6, 4)
    as_of_two_ranks.assert_called_once_with([3, 2, 2])


def test_what_would_wait_is_seen():
    rows = torch.ones(3, 2, device='meta')
    with fake_gpu() as waits:
        rows.sum().item()
        rows.cpu()
        torch.ones(2).to('meta')
        rows.new_tensor([1.])
        rows[[0, 1]]
        torch.ones(2).to('meta', non_blocking=True)
    assert [wait.split()[1] for wait in waits] == [
        '_local_scalar_dense', '_to_copy', '_to_copy', 'new_tensor',
        '__getitem__']
