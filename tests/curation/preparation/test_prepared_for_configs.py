"""What the tool prepares is what the configurations read."""
from __future__ import annotations

from pathlib import Path

import pytest
from layouts import picture
from mmengine.config import Config
from mmengine.registry import DATASETS
from test_imagenet import folders
from test_pascal import trees

from chtn_plugin.curation.preparation import PREPARATIONS
from chtn_plugin.datasets.manifest import read_manifest

CONFIGS = Path(__file__).parents[3] / 'configs'
PHOTOS = CONFIGS / 'chtn_webnews_photos.py'
PASCAL = CONFIGS / 'chtn' / 'chtn_resnet50-bow_1xb64-300i_pascal.py'


def news(root):
    """Forty photos of two classes and their texts; no validation split."""
    lines = ['id\tsplit\tclass\timage\ttext']
    for index in range(40):
        picture(root / f'images/{index}.jpg', index)
        lines.append(f'{index}\t{"test" if index >= 30 else "train"}\t'
                     f'{"ab"[index % 2]}\timages/{index}.jpg\t新闻 {index}')
    (root / 'pairs.tsv').write_text('\n'.join(lines), encoding='utf-8')
    return root


def built(config, target_root, source_root):
    """The three data sets of a configuration, over other folders."""
    cfg = Config.fromfile(str(config))
    train = cfg.train_dataloader.dataset
    train.source.data_root = str(source_root)
    for dataset in (train.target, cfg.val_dataloader.dataset,
                    cfg.test_dataloader.dataset):
        dataset.data_root = str(target_root)
    return [DATASETS.build(cfg[f'{name}_dataloader'].dataset)
            for name in ('train', 'val', 'test')]


@pytest.mark.parametrize('config, name, make, source', [
    (PHOTOS, 'pairs', news, 'tiny-imagenet'),
    (PASCAL, 'pascal', trees, 'imagenet')], ids=['webnews', 'pascal'])
def test_configuration_reads_what_was_prepared(tmp_path, run, config, name,
                                               make, source):
    run(name, make(tmp_path / 'made'), tmp_path / 'pairs',
        *(['--allow-missing'] if name == 'pascal' else []))
    photos = folders(tmp_path / 'photos')
    for number, path in enumerate(photos.rglob('*.JPEG')):
        picture(path, number, (64, 64))
    run(source, photos, tmp_path / 'source', '--copy')
    root = tmp_path / 'source'
    splits = built(config, tmp_path / 'pairs',
                   root if name == 'pascal' else root / 'train')
    prepared = read_manifest(tmp_path / 'pairs' / 'pairs.tsv')
    for split, dataset in zip(('train', 'val', 'test'), splits, strict=True):
        target = getattr(dataset, 'target', dataset)
        ids = [record.id for record in prepared if record.split == split]
        assert ids == [info['id'] for info in target.data_list]
        side = 64 if config == PHOTOS else 224
        assert dataset[0]['inputs']['image'].shape == (3, side, side)
    assert splits[0][0]['inputs']['source_image'].shape == (3, side, side)


def test_photos_of_pascal_lie_where_the_tool_puts_them():
    cfg = Config.fromfile(str(PASCAL))
    assert cfg.data_root == f'data/{PREPARATIONS["pascal"].folder}'
    assert cfg.source_root == f'data/{PREPARATIONS["imagenet"].folder}'
