from types import SimpleNamespace

import pytest
import torch
from mmengine.model import (
    MMDistributedDataParallel,
    MMFullyShardedDataParallel,
)
from mmengine.registry import MODELS
from ranks import on_ranks

from chtn_plugin.engine.hooks import GlobalBatchNormHook
from chtn_plugin.engine.hooks.resuming.safe_checkpoint import (
    average_statistics,
)
from chtn_plugin.losses import MMDLoss, squared_mmd
from chtn_plugin.losses.gathering import mean_square_distance
from chtn_plugin.models.global_batch_norm import (
    batch_norms,
    normalize_globally,
)


def build(norm=True, **mmd):
    torch.manual_seed(0)
    return MODELS.build(dict(
        type='CHTN', num_classes=3, num_source_classes=4, backbone=None,
        input_shape=(6, ),
        text_encoder=dict(type='VectorTextEncoder', out_features=5,
                          norm='bn' if norm else None),
        image_pathway=dict(type='Pathway', widths=(8, 7), norm=norm),
        common_head=dict(type='CommonHead', widths=(8, 8)),
        mmd=dict(type='MMDLoss', **mmd),
        pair=dict(type='PairwiseLoss', loss_weight=0.1))).double()


def batch(rows):
    random = torch.Generator().manual_seed(1)

    def normal(*shape):
        return torch.randn(*shape, generator=random, dtype=torch.float64)
    label = torch.arange(16)
    whole = dict(
        inputs=dict(image=normal(16, 6), text=normal(16, 5),
                    source_image=normal(16, 6) + 1),
        data_samples=dict(label=label % 3, source_label=label % 4,
                          image_idx=label, text_idx=label, sample_idx=label))
    return {part: {name: value[rows] for name, value in values.items()}
            for part, values in whole.items()}


def step(model, rows):
    losses = model(**batch(rows), mode='loss')
    sum(value for name, value in losses.items()
        if name.startswith('loss')).backward()
    bare = getattr(model, 'module', model)
    return ({name: value.grad for name, value in bare.named_parameters()
             if value.requires_grad},
            {name: value.item() for name, value in losses.items()
             if name.startswith('loss')}, dict(bare.named_buffers()))


def distributed(model):
    return MMDistributedDataParallel(model, device_ids=None,
                                     broadcast_buffers=False)


@pytest.mark.parametrize('world, norm, mmd', [
    (2, False, dict()),
    (2, True, dict()),
    (4, True, dict(estimator='biased', num_kernels=3)),
])
def test_gradients_equal_those_of_one_process_on_the_whole_batch(
        tmp_path, world, norm, mmd):
    def share(rank):
        model = build(norm, **mmd)
        for module in batch_norms(model):
            normalize_globally(module)
        return step(distributed(model), slice(rank, None, world))
    results = on_ranks(world, share, tmp_path)
    expected, losses, buffers = step(build(norm, **mmd), slice(None))
    for gradients, some, stats in results:
        for name, value in expected.items():
            torch.testing.assert_close(gradients[name], value, rtol=1e-9,
                                       atol=1e-12, msg=name)
        for name, value in buffers.items():
            torch.testing.assert_close(stats[name], value, rtol=1e-9,
                                       atol=1e-12, msg=name)
        for tap in ('fc6', 'fc7'):
            assert some[f'loss_mmd_{tap}'] == pytest.approx(
                losses[f'loss_mmd_{tap}'], rel=1e-9)


def test_each_scope_is_what_it_says(tmp_path):
    def share(rank):
        rows = batch(slice(rank, None, 2))['inputs']
        return {scope: MMDLoss(scope=scope)(
            rows['source_image'], rows['image']).item() for scope in (
                'auto', 'batch', 'bandwidth', 'rank')}
    results = on_ranks(2, share, tmp_path)
    rows = batch(slice(None))['inputs']
    source, target = rows['source_image'], rows['image']
    whole = squared_mmd(source, target).item()
    gamma = 1 / mean_square_distance(torch.cat([source, target]))
    for rank, value in enumerate(results):
        s, t = source[rank::2], target[rank::2]
        assert value['batch'] == value['auto'] == pytest.approx(whole)
        assert value['rank'] == pytest.approx(squared_mmd(s, t).item())
        assert value['bandwidth'] == pytest.approx(
            squared_mmd(s, t, gamma=gamma).item())


def test_the_sampled_estimate_takes_the_bandwidth_of_all(tmp_path):
    def share(rank):
        rows = batch(slice(rank, None, 2))['inputs']
        torch.manual_seed(7)
        return MMDLoss('sampled')(rows['source_image'], rows['image']).item()
    results = on_ranks(2, share, tmp_path)
    rows = batch(slice(None))['inputs']
    source, target = rows['source_image'], rows['image']
    gamma = 1 / mean_square_distance(torch.cat([source, target]))
    for rank, value in enumerate(results):
        torch.manual_seed(7)
        assert value == pytest.approx(squared_mmd(
            source[rank::2], target[rank::2], 'sampled', gamma=gamma).item())


@pytest.mark.parametrize('scope', ['batch', 'auto'])
def test_unequal_rows_are_refused_on_every_rank(tmp_path, scope):
    def share(rank):
        rows = torch.randn(4 - rank, 3)
        try:
            return MMDLoss(scope=scope)(rows, rows + 1).item()
        except ValueError as error:
            return str(error)
    for said in on_ranks(2, share, tmp_path):
        assert 'as many rows of one size on every rank' in said
        assert 'rank 0: 4, 4 rows of 3; rank 1: 3, 3 rows of 3' in said


@pytest.mark.parametrize('options', [
    dict(scope='bandwidth'), dict(estimator='sampled'), dict(scope='rank')])
def test_unequal_rows_are_no_matter_where_none_are_gathered(tmp_path,
                                                            options):
    def share(rank):
        rows = torch.randn(4 - rank, 3)
        return MMDLoss(**options)(rows, rows + 1).isfinite().item()
    assert on_ranks(2, share, tmp_path) == [True, True]


def test_mean_square_distance_is_that_of_the_definition():
    rows = torch.randn(7, 3, dtype=torch.float64)
    between = torch.cdist(rows, rows).square()
    assert mean_square_distance(rows).item() == pytest.approx(
        between.sum().item() / (7 * 6))


@pytest.mark.parametrize('mode, source', [
    ('adapt', 'image'), ('frozen', None), ('train', 'image')])
def test_what_is_frozen_or_left_out_does_not_trip_ddp(tmp_path, mode, source):
    def share(rank):
        torch.manual_seed(0)
        model = distributed(MODELS.build(dict(
            type='CHTN', num_classes=3, num_source_classes=4,
            backbone=dict(type='AlexNetBN'), input_shape=(3, 67, 67),
            trunk_mode=mode, source_pathway=source,
            text_encoder=dict(type='VectorTextEncoder', out_features=5),
            image_pathway=dict(type='Pathway', widths=(4, 4)),
            common_head=dict(type='CommonHead', widths=(4, 4)))))
        data = batch(slice(rank, 4, 2))
        for name in ('image', 'source_image'):
            data['inputs'][name] = torch.randn(2, 3, 67, 67)
        data['inputs']['text'] = data['inputs']['text'].float()
        # DDP complains in the step after the one that left something out.
        for _ in range(2):
            losses = model(**data, mode='loss')
            sum(v for k, v in losses.items() if 'loss' in k).backward()
        return True
    assert on_ranks(2, share, tmp_path) == [True, True]


def test_running_statistics_end_as_the_mean_over_ranks(tmp_path):
    def share(rank):
        layer = torch.nn.BatchNorm1d(1)
        layer.running_mean.fill_(rank)
        average_statistics(layer)
        return layer.running_mean.item(), int(layer.num_batches_tracked)
    assert on_ranks(2, share, tmp_path) == [(0.5, 0), (0.5, 0)]


def test_global_batch_norm_holds_under_fsdp(tmp_path):
    # So it may be advised where sync_bn of an FSDPStrategy is refused.
    def running(model, rows):
        data = batch(rows)
        data['inputs'] = {name: value.float() for name, value in
                          data['inputs'].items()}
        model(**data, mode='loss')
        return {name.replace('_fsdp_wrapped_module.', ''): value.tolist()
                for name, value in model.named_buffers()
                if 'running' in name}

    def share(rank):
        model = MMFullyShardedDataParallel(
            build().float(), use_orig_params=True, device_id='cpu')
        GlobalBatchNormHook().before_train(SimpleNamespace(model=model))
        return running(model, slice(rank, None, 2))
    first, second = on_ranks(2, share, tmp_path)
    whole = running(build().float(), slice(None))
    assert first == second and set(first) == set(whole)
    for name, value in whole.items():
        assert first[name] == pytest.approx(value, abs=1e-5), name
