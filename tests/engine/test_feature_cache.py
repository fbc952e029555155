"""The feature cache: never stale, never where the method forbids it."""
from __future__ import annotations

import pickle
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook
from mmengine.registry import DATASETS, MODELS
from mmengine.runner import Runner
from PIL import Image

import chtn_plugin.datasets.image_transforms  # noqa: F401
from chtn_plugin.datasets import CrossModalDataset
from chtn_plugin.engine import feature_cache
from chtn_plugin.engine.feature_cache import (
    FeatureCacheHook,
    cache_features,
    why_not,
)
from chtn_plugin.storage.row_store import FeatureStore, folder_bytes

LOAD = [dict(type='LoadRGBImage')]
N = 6


@pytest.fixture
def root(tmp_path):
    """Six pairs of two classes, and four source images of two."""
    rows = ['id\tsplit\tclass\timage\ttext']
    for index in range(N):
        save(tmp_path / f'data/{index}.png', index)
        split = 'train' if index < 4 else 'val'
        rows.append(f'{index}\t{split}\t{"ab"[index % 2]}\t{index}.png\t'
                    f'word{index % 2} more')
    (tmp_path / 'data/pairs.tsv').write_text('\n'.join(rows))
    for index in range(4):
        save(tmp_path / f'source/{index % 2}/{index}.png', 100 + index)
    return tmp_path


def save(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)
    Image.fromarray(pixels).save(path)


def pairs(root, split='train', pipeline=LOAD):
    return dict(type='CrossModalDataset', data_root=str(root / 'data'),
                ann_file='pairs.tsv', split=split, pipeline=pipeline,
                text=dict(type='BagOfWords', num_terms=4))


def model_config(mode='frozen', mean=127.):
    return dict(
        type='CHTN', num_classes=2, num_source_classes=2, trunk_mode=mode,
        backbone=dict(type='SmallConvNet', in_channels=3, channels=(4, 8)),
        input_shape=(3, 8, 8),
        text_encoder=dict(type='VectorTextEncoder', out_features=4),
        image_pathway=dict(type='Pathway', widths=(8, 8)),
        common_head=dict(type='CommonHead', widths=(8, 8)),
        data_preprocessor=dict(type='CrossModalDataPreprocessor',
                               mean=[mean] * 3, std=[60.] * 3))


def build(mode='frozen', mean=127.):
    torch.manual_seed(0)
    return MODELS.build(model_config(mode, mean)).eval()


def run(root, model=None, pipeline=LOAD, **options):
    """Cache the training images; return how many the trunk had to see."""
    model = model or build()
    seen = []
    handle = model.trunk.register_forward_hook(
        lambda module, args, output: seen.append(len(output)))
    dataset = DATASETS.build(pairs(root, pipeline=pipeline))
    cache_features(model, dataset, str(root / 'cache'), **options)
    handle.remove()
    return sum(seen)


def test_trunk_sees_each_image_once(root):
    assert run(root) == 4
    assert run(root) == 0


def test_served_features_are_the_trunks_own(root):
    model, dataset = build(), DATASETS.build(pairs(root))
    images = torch.stack([dataset[i]['inputs']['image'] for i in range(4)])
    data = model.data_preprocessor(
        dict(inputs=dict(image=images), data_samples={}))
    with torch.no_grad():
        direct = model.trunk(data['inputs']['image'])
    cache_features(model, dataset, str(root / 'cache'))
    served = torch.stack([dataset[i]['inputs']['image'] for i in range(4)])
    torch.testing.assert_close(served, direct)
    torch.testing.assert_close(model.trunk(served), direct)
    batch = dataset.__getitems__([2, 0])['inputs']['image']
    torch.testing.assert_close(batch, direct[[2, 0]])


def test_equal_images_share_a_row(root):
    (root / 'data/1.png').write_bytes((root / 'data/0.png').read_bytes())
    assert run(root) == 3


def test_changed_image_is_seen_anew(root):
    run(root)
    save(root / 'data/2.png', 50)
    assert run(root) == 1


def test_changed_transform_argument_is_seen_anew(root):
    chain = [*LOAD, dict(type='ResizeShorterSide', size=8)]
    run(root, pipeline=chain)
    assert run(root, pipeline=chain) == 0
    chain = [*LOAD, dict(type='ResizeShorterSide', size=8,
                         interpolation='area')]
    assert run(root, pipeline=chain) == 4


def test_one_changed_weight_is_seen_anew(root):
    run(root)
    model = build()
    with torch.no_grad():
        weight = next(model.trunk.parameters())
        weight[(0, ) * weight.dim()] += 1e-6
    assert run(root, model) == 4


def test_changed_running_statistic_is_seen_anew(root):
    run(root)
    model = build()
    buffers = [b for b in model.trunk.buffers() if b.is_floating_point()]
    if not buffers:
        pytest.skip('this trunk has no batch normalisation')
    buffers[0][(0, ) * buffers[0].dim()] += 1e-6
    assert run(root, model) == 4


def test_weights_of_the_head_do_not_matter(root):
    run(root)
    model = build()
    with torch.no_grad():
        next(model.common_head.parameters()).add_(1)
    assert run(root, model) == 0


def test_changed_preprocessing_is_seen_anew(root):
    run(root)
    assert run(root, build(mean=128.)) == 4


def test_changed_trunk_option_is_seen_anew(root):
    run(root)
    torch.manual_seed(0)
    model = MODELS.build(dict(model_config(), pooling='average')).eval()
    assert run(root, model) == 4


def test_changed_code_is_seen_anew(root, monkeypatch):
    run(root)
    monkeypatch.setattr(feature_cache, '_source', lambda value: 'edited')
    assert run(root) == 4


def test_changed_format_is_seen_anew(root, monkeypatch):
    run(root)
    monkeypatch.setattr(feature_cache, 'FORMAT', 2)
    assert run(root) == 4


def test_damaged_shard_is_computed_anew(root):
    run(root)
    shard, = (root / 'cache').rglob('*.npy')
    raw = bytearray(shard.read_bytes())
    raw[-1] ^= 1
    shard.write_bytes(raw)
    assert run(root) == 4
    assert run(root) == 0


def test_shard_without_index_does_not_exist(root):
    run(root)
    index = next(path for path in (root / 'cache').rglob('*.json')
                 if path.name != 'meta.json')
    index.unlink()
    assert run(root) == 4


@pytest.mark.parametrize('mode, reason', [
    ('adapt', 'statistics of the mixed batch'), ('train', 'is trained')])
def test_adapting_trunk_is_refused_with_the_reason(root, mode, reason):
    with pytest.raises(ValueError, match=reason):
        run(root, build(mode))


def test_random_transform_is_refused_by_name(root):
    with pytest.raises(ValueError, match='RandomCrop draws at random'):
        run(root, pipeline=[*LOAD, dict(type='mmpretrain.RandomCrop',
                                        crop_size=4)])


class Noise:
    """A transform whose name does not tell that it is random."""

    def __call__(self, results):
        results['img'] = results['img'] ^ np.random.randint(
            0, 256, results['img'].shape, np.uint8)
        return results


def test_hidden_randomness_is_found(root):
    dataset = DATASETS.build(pairs(root))
    dataset.pipeline.transforms.append(Noise())
    reason = why_not(build(), dataset.pipeline, [str(root / 'data/0.png')])
    assert 'another image each time' in reason


def test_limit_is_kept(root):
    with pytest.raises(ValueError, match='feature cache may fill 1e-07 GB'):
        run(root, max_bytes=100)


def test_oldest_store_makes_room(tmp_path):
    rows = np.zeros((10, 100), np.float32)
    for key in ('a' * 40, 'b' * 40, 'c' * 40):
        FeatureStore(tmp_path, key, max_bytes=10_000).add(
            [str(i) for i in range(10)], rows)
        time.sleep(0.01)
    assert sorted(path.name[0] for path in tmp_path.iterdir()) == ['b', 'c']
    assert folder_bytes(tmp_path) < 10_000


def add_rows(args):
    folder, number = args
    store = FeatureStore(folder, 'k' * 40)
    for part in range(5):
        names = [f'{number}-{part}-{i}' for i in range(20)]
        store.add(names, np.full((20, 8), number, np.float32))


def test_processes_write_at_once(tmp_path):
    with ProcessPoolExecutor(4) as pool:
        list(pool.map(add_rows, [(tmp_path, i) for i in range(4)]))
    store = FeatureStore(tmp_path, 'k' * 40)
    assert len(store) == 400
    assert all((store[f'{i}-4-19'] == i).all() for i in range(4))
    assert not list(tmp_path.rglob('.*.npy*'))


def test_store_travels_to_workers_without_its_rows(tmp_path):
    store = FeatureStore(tmp_path, 'k' * 40)
    store.add(['x'], np.ones((1, 100_000), np.float32))
    sent = pickle.dumps(store)
    assert len(sent) < 2_000
    assert pickle.loads(sent)['x'].sum() == 100_000


def runner_config(root, workers=0, hooks=()):
    def loader(dataset, batch_size):
        return dict(batch_size=batch_size, num_workers=workers,
                    sampler=dict(type='DefaultSampler', shuffle=False),
                    collate_fn=dict(type='cross_modal_collate'),
                    dataset=dataset)
    return dict(
        model=model_config(), work_dir=str(root / 'work'),
        train_dataloader=loader(dict(
            type='HybridTransferDataset', target=pairs(root),
            source=dict(type='SourceImageDataset', pipeline=LOAD,
                        data_root=str(root / 'source'))), 2),
        val_dataloader=loader(pairs(root, 'val'), 2),
        train_cfg=dict(by_epoch=True, max_epochs=2), val_cfg=dict(),
        val_evaluator=dict(type='RetrievalMetric'),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.01)),
        custom_hooks=list(hooks), randomness=dict(seed=0),
        default_hooks=dict(logger=None, checkpoint=None),
        experiment_name=f'cache-{time.time_ns()}')


@pytest.mark.parametrize('workers', [0, 2])
def test_runner_trains_from_the_cache_and_keeps_its_weights(root, workers):
    hook = dict(type='FeatureCacheHook', folder=str(root / 'cache'))
    runner = Runner(**runner_config(root, workers, [hook]))
    names = list(runner.model.state_dict())
    backbone = runner.model.trunk.backbone
    calls = []
    first = next(backbone.children())
    first.register_forward_hook(lambda *args: calls.append(1))
    runner.train()
    # One pass each over pairs, source and validation images: 4 + 4 + 2.
    assert len(calls) == 3
    assert list(runner.model.state_dict()) == names
    images = torch.zeros(2, 3, 8, 8)
    assert runner.model.encode_image(images).repr.shape == (2, 2)


@pytest.mark.parametrize('workers, persistent', [
    (0, False), (2, False), (2, True)])
@pytest.mark.parametrize('sampler', [
    dict(type='InfiniteSampler', shuffle=False),
    dict(type='PassSampler', shuffle=False, infinite=True)])
def test_iterations_are_served_from_the_cache_too(root, workers, persistent,
                                                  sampler):
    hook = dict(type='FeatureCacheHook', folder=str(root / 'cache'))
    config = runner_config(root, workers, [hook, Served()])
    config['train_dataloader'].update(sampler=sampler,
                                      persistent_workers=persistent)
    config['train_cfg'] = dict(by_epoch=False, max_iters=5, val_interval=5)
    runner = Runner(**config)
    calls = []
    next(runner.model.trunk.backbone.children()).register_forward_hook(
        lambda *args: calls.append(1))
    runner.train()
    # One pass each over pairs, source and validation images, and none in
    # the five iterations, whose workers had started before.
    assert len(calls) == 3
    assert Served.indices == [[0, 1], [2, 3], [0, 1], [2, 3], [0, 1]]


class Served(Hook):
    """Keeps which pairs each iteration was given."""
    indices: ClassVar[list] = []

    def before_train(self, runner):
        self.indices.clear()

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.indices.append(
            data_batch['data_samples']['sample_idx'].tolist())


def test_hook_names_the_reason(root):
    config = runner_config(root, hooks=[FeatureCacheHook(str(root / 'c'))])
    config['model']['trunk_mode'] = 'adapt'
    with pytest.raises(ValueError, match='mixed batch'):
        Runner(**config).train()


def test_key_is_the_same_in_another_process(root):
    import subprocess
    import sys
    run(root)
    key, = (path.name for path in (root / 'cache').iterdir())
    here = str(Path(__file__).parent)
    code = (f'import sys; sys.path.insert(0, {here!r});'
            'from pathlib import Path; import test_feature_cache as t;'
            f'print(t.run(Path({str(root)!r})))')
    result = subprocess.run([sys.executable, '-c', code], check=True,
                            capture_output=True, text=True)
    assert result.stdout.split()[-1] == '0'
    assert [path.name for path in (root / 'cache').iterdir()] == [key]


def test_data_sets_are_found_inside_wrappers(root):
    config = dict(type='ConcatDataset', ignore_keys=['split'], datasets=[
        pairs(root), dict(type='RepeatDataset', times=2,
                          dataset=pairs(root, 'val'))])
    found = list(feature_cache.image_datasets(DATASETS.build(config)))
    assert [type(dataset) for dataset in found] == [CrossModalDataset] * 2
