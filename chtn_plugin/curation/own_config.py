"""A configuration for a user's own manifest, put together from parts."""
from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Optional

import torch

from ..datasets.manifest import LABEL_SEPARATOR, PairRecord
from ..datasets.source_images import SourceImageDataset
from ..models.backbones.hf_vision import HFVisionBackbone
from ..models.normalization import expected_pixels
from ..storage.files import atomic_write

_MARK = '# Written by tools/make_manifest.py'
_LIST = 'list.txt'

# Each part is a passage of the file; fields in braces are filled in.
_HEAD = '''#
#   python tools/train.py {path}
#   python tools/test.py {path} work_dirs/{stem}
#
{about}
_base_ = ['_base_/default_runtime.py']

data_root = {data_root!r}
classes = {classes!r}
image_size = {image_size}
num_terms = {num_terms}
'''
_ABOUT_SCRATCH = '''\
# A small network learned from scratch: it runs anywhere in minutes, and needs
# hundreds of pictures to learn from. make_manifest.py --backbone takes
# pretrained weights, docs/backbones.md has more of them.'''
_ABOUT_PRETRAINED = '''\
# A pretrained network, frozen: what is learned stands behind it. Its weights
# are read when training begins, and travel in the checkpoint.'''

_IMAGES_SCRATCH = '''
load = [
    dict(type='LoadRGBImage', min_side=image_size + 8),
    dict(type='Resize', scale=(image_size + 8, image_size + 8)),
]
train_pipeline = [
    *load,
    dict(type='mmpretrain.RandomCrop', crop_size=image_size),
    dict(type='mmpretrain.RandomFlip', prob=0.5, direction='horizontal'),
]
pipeline = [*load, dict(type='mmpretrain.CenterCrop', crop_size=image_size)]
'''
_IMAGES_PRETRAINED = '''
pipeline = [
    dict(type='LoadRGBImage', min_side=image_size),
    dict(type='ResizeShorterSide', size=image_size),
    dict(type='mmpretrain.CenterCrop', crop_size=image_size),
]
train_pipeline = pipeline
'''
# Nothing random and no stream of source images: each picture passes once.
_CACHE = '''
# Each picture passes the network once; what comes out is kept here.
default_hooks = dict(feature_cache=dict(
    type='FeatureCacheHook', folder='data/feature_cache'))
'''

_PAIRS = '''
data = dict(
    type='CrossModalDataset',
    ann_file={manifest!r},
    data_root=data_root,
    classes=classes,
    text=dict(type='BagOfWords', num_terms=num_terms, weighting='tfidf',
              norm='l2'),
    text_mode='join',
    label_separator={separator!r})
train_pairs = dict(data, split='train', pipeline=train_pipeline,
                   unpaired='drop')
'''
_SOURCE = '''
# The source domain: labelled pictures, a batch of them beside each of pairs.
source = dict(
    type='SourceImageDataset',
    data_root={source_root!r},
    ann_file={source_list!r},
    num_classes={num_source_classes},
    pipeline=train_pipeline)
'''

_LOADERS = '''
train_dataloader = dict(
    batch_size={batch_size},
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='PassSampler', shuffle=True, infinite=True),
    collate_fn=dict(type='cross_modal_collate'),
    dataset={train_set})
val_dataloader = dict(
    batch_size=64,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='cross_modal_collate'),
    dataset=dict(data, split='val', pipeline=pipeline, unpaired='keep'))
test_dataloader = dict(
    batch_size=64,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='cross_modal_collate'),
    dataset=dict(data, split='test', pipeline=pipeline, unpaired='keep'))
val_evaluator = dict(type='RetrievalMetric')
test_evaluator = val_evaluator
'''
_TARGET_SET = 'train_pairs'
_HYBRID_SET = '''dict(type='HybridTransferDataset', target=train_pairs,
                 source=source)'''

_MODEL = '''
widths = (256, 256)
model = dict(
    type='CHTN',
    num_classes={num_classes},
{transfer}
{network}
    input_shape=(3, image_size, image_size),
    text_encoder=dict(type='VectorTextEncoder', out_features=num_terms,
                      norm=None),
    image_pathway=dict(type='Pathway', widths=widths, dropout=0.5),
    common_head=dict(type='CommonHead', widths=widths),
    # Of RGB pixels 0 to 255.
    data_preprocessor=dict(
        type='CrossModalDataPreprocessor',
        mean={mean}, std={std}))
'''
_NO_TRANSFER = '''\
    # No source domain: make_manifest.py --source FOLDER adds one.
    source_pathway=None,
    mmd=None,'''
_TRANSFER = '''\
    source_pathway='image',
    num_source_classes={num_source_classes},
    mmd=dict(type='MMDLoss'),
    # Many source classes would outweigh the few of the pairs.
    cls_weights=dict(source=0.1),'''
_SCRATCH = '''\
    backbone=dict(type='SmallConvNet', in_channels=3,
                  channels=(16, 32, 64)),
    trunk_mode='train','''
_PRETRAINED = '''\
    backbone=dict(type='HFVisionBackbone',
                  model={backbone!r}),
    pooling={pooling!r},
    trunk_mode='frozen','''

_SCHEDULE = '''
max_iters = {max_iters}
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.05, momentum=0.9, weight_decay=5e-3),
    paramwise_cfg=dict(bias_lr_mult=2.0, bias_decay_mult=0.0))
param_scheduler = dict(type='CosineAnnealingLR', by_epoch=False,
                       T_max=max_iters)
train_cfg = dict(by_epoch=False, max_iters=max_iters, val_interval={interval})
val_cfg = dict()
test_cfg = dict()
'''


def write_config(path: Path, folder: Path, manifest: str,
                 records: Sequence[PairRecord],
                 source: Optional[Path] = None,
                 backbone: Optional[str] = None) -> None:
    """Write a configuration that trains on a manifest as it is.

    Args:
        path: The configuration; inside a folder that has ``_base_``.
        folder: Folder of the manifest and the images.
        manifest: Name of the manifest in it.
        records: Its rows.
        source: Labelled images, the source domain: class folders, or a
            folder with ``list.txt``. None: there is none.
        backbone: Pretrained vision model of transformers, by folder or name
            on the hub. None: a small network from scratch.

    Raises:
        ValueError: A file is there that was not written by this function,
            or the backbone does not take images.
        FileNotFoundError: ``_base_`` is not beside the configuration, the
            source holds no images, or the backbone cannot be had.
    """
    base = path.parent / '_base_' / 'default_runtime.py'
    if not base.is_file():
        raise FileNotFoundError(
            f'a configuration inherits from _base_/default_runtime.py: '
            f'{base} is not there, choose a --config in the configs folder')
    if path.exists() and not _is_ours(path):
        raise ValueError(f'{path} was not written by this tool, or is yours '
                         'by now: choose another --config')
    train = [record for record in records
             if record.split == 'train' and record.image and record.texts]
    if len(train) < 2:
        raise ValueError('training needs at least two whole pairs, the '
                         f'training split has {len(train)}')
    classes = sorted({name for record in records for name in record.classes})
    several = any(len(record.classes) > 1 for record in records)
    # Some thirty passes over the pairs, within minutes on a CPU.
    max_iters = min(max(200, len(train) // 2), 2000)
    fields = dict(
        path=path.as_posix(), stem=path.stem,
        data_root=_written(folder), classes=classes,
        num_classes=len(classes),
        num_terms=1000 if len(train) < 1000 else 3000, manifest=manifest,
        separator=LABEL_SEPARATOR if several else None,
        batch_size=min(64, max(2, len(train) // 2)), max_iters=max_iters,
        interval=max_iters // 5)
    about, images, network = (_ABOUT_SCRATCH, _IMAGES_SCRATCH, _SCRATCH)
    fields.update(image_size=64, mean=[127.5] * 3, std=[64.0] * 3)
    if backbone is not None:
        about, images, network = (_ABOUT_PRETRAINED, _IMAGES_PRETRAINED,
                                  _PRETRAINED)
        fields.update(_of_backbone(backbone))
    pairs, train_set, transfer = _PAIRS, _TARGET_SET, _NO_TRANSFER
    if source is not None:
        pairs, train_set, transfer = (_PAIRS + _SOURCE, _HYBRID_SET,
                                      _TRANSFER)
        fields.update(_of_source(source))
    cache = _CACHE if backbone is not None and source is None else ''
    fields.update(about=about, train_set=train_set,
                  transfer=transfer.format(**fields),
                  network=network.format(**fields))
    text = ''.join((_HEAD, images, pairs, _LOADERS, _MODEL, cache,
                    _SCHEDULE)).format(**fields)
    with atomic_write(path, 'w', encoding='utf-8') as file:
        file.write(f'{_stamp(text)}\n{text}')


def _stamp(text: str) -> str:
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return f'{_MARK} [{digest}], and replaced until edited.'


def _is_ours(path: Path) -> bool:
    """Whether a configuration is as this tool wrote it.

    Its first line has the hash of what follows. Earlier versions asked users
    to take that line out of what they edit.
    """
    first, _, text = path.read_text(encoding='utf-8',
                                    errors='replace').partition('\n')
    return first in (_stamp(text), f'{_MARK}; edit it as you like, then take '
                     'out this line.')


def _of_source(folder: Path) -> dict[str, Any]:
    """Return the fields of a source domain, its classes counted."""
    listed = _LIST if (folder / _LIST).is_file() else ''
    dataset = SourceImageDataset(str(folder), [], listed, hint='Name a '
                                 'folder of labelled images with --source')
    return dict(source_root=_written(folder), source_list=listed,
                num_source_classes=dataset.metainfo['num_classes'])


def _of_backbone(name: str) -> dict[str, Any]:
    """Return the fields of a pretrained model, which is run once."""
    model = HFVisionBackbone(name).eval()
    expected = expected_pixels(model)
    if 'mean' not in expected:
        raise ValueError(f'{name!r} must say how its pixels are normalised: '
                         'there is no preprocessor_config.json with '
                         'image_mean and image_std')
    size = max(expected.get('size', (224, 224)))
    try:
        with torch.no_grad():
            output = model(torch.zeros(1, 3, size, size))
    except (TypeError, ValueError) as error:
        raise ValueError(f'{name!r} must be a vision model that takes images '
                         f'of {size}x{size}: {error}') from error
    has_class_token = any(
        parameter.endswith(('cls_token', 'class_embedding'))
        for parameter, _ in model.named_parameters())
    return dict(
        backbone=_written(Path(name)) if Path(name).is_dir() else name,
        image_size=size, mean=_rounded(expected['mean']),
        std=_rounded(expected['std']),
        pooling='cls' if output.dim() == 3 and has_class_token
        else 'average')


def _rounded(values: Sequence[float]) -> list[float]:
    return [round(value, 3) for value in values]


def _written(folder: Path) -> str:
    """Return the folder as a run from here finds it."""
    relative = os.path.relpath(folder)
    return (str(folder.resolve()) if relative.startswith('..') else
            Path(relative).as_posix())
