"""A configuration for a user's own manifest."""
from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from .._files import atomic_write
from ..manifest import LABEL_SEPARATOR, PairRecord

_MARK = '# Written by tools/make_manifest.py'

_TEMPLATE = '''{mark}; edit it as you like, then take out this line.
#
#   python tools/train.py {path}
#   python tools/test.py {path} work_dirs/{stem}
#
# A small network learned from scratch: it runs anywhere in minutes. With
# pretrained weights results are far better: set model.backbone to one of
# mmpretrain's, such as
#   dict(type='mmpretrain.ResNet', depth=18, init_cfg=dict(
#        type='Pretrained', checkpoint='resnet18.pth', prefix='backbone.')),
# image_size to 224, and trunk_mode to 'frozen'.
_base_ = [{base!r}]

data_root = {data_root!r}
classes = {classes!r}
image_size = {image_size}
num_terms = {num_terms}
bag_of_words = dict(type='BagOfWords', num_terms=num_terms,
                    weighting='tfidf', norm='l2')

train_pipeline = [
    dict(type='LoadImageFromFile', imdecode_backend='cv2'),
    dict(type='Resize', scale=(image_size + 8, image_size + 8)),
    dict(type='mmpretrain.RandomCrop', crop_size=image_size),
]
pipeline = [
    dict(type='LoadImageFromFile', imdecode_backend='cv2'),
    dict(type='Resize', scale=(image_size + 8, image_size + 8)),
    dict(type='mmpretrain.CenterCrop', crop_size=image_size),
]
data = dict(
    type='CrossModalDataset',
    ann_file={manifest!r},
    data_root=data_root,
    classes=classes,
    text=bag_of_words,
    text_mode='join',
    label_separator={separator!r})
train_dataloader = dict(
    batch_size={batch_size},
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='PassSampler', shuffle=True, infinite=True),
    collate_fn=dict(type='cross_modal_collate'),
    dataset=dict(split='train', pipeline=train_pipeline, unpaired='drop',
                 **data))
val_dataloader = dict(
    batch_size=64,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='cross_modal_collate'),
    dataset=dict(split='val', pipeline=pipeline, unpaired='keep', **data))
test_dataloader = dict(
    batch_size=64,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='cross_modal_collate'),
    dataset=dict(split='test', pipeline=pipeline, unpaired='keep', **data))
val_evaluator = dict(type='RetrievalMetric')
test_evaluator = val_evaluator

# No source domain: to add one, wrap the training data set as
#   dict(type='HybridTransferDataset', target=..., source=dict(
#        type='SourceImageDataset', data_root='path/to/class/folders',
#        pipeline=train_pipeline)),
# take out source_pathway and set num_source_classes.
widths = (256, 256)
model = dict(
    type='CHTN',
    num_classes={num_classes},
    source_pathway=None,
    mmd=None,
    backbone=dict(type='SmallConvNet', in_channels=3,
                  channels=(16, 32, 64)),
    input_shape=(3, image_size, image_size),
    trunk_mode='train',
    text_encoder=dict(type='VectorTextEncoder', out_features=num_terms,
                      norm=None),
    image_pathway=dict(type='Pathway', widths=widths),
    common_head=dict(type='CommonHead', widths=widths),
    data_preprocessor=dict(
        type='CrossModalDataPreprocessor', bgr_to_rgb=True,
        mean=[127.5, 127.5, 127.5], std=[64.0, 64.0, 64.0]))

max_iters = {max_iters}
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.05, momentum=0.9, weight_decay=5e-4),
    paramwise_cfg=dict(bias_lr_mult=2.0, bias_decay_mult=0.0))
param_scheduler = dict(type='CosineAnnealingLR', by_epoch=False,
                       T_max=max_iters)
train_cfg = dict(by_epoch=False, max_iters=max_iters, val_interval={interval})
val_cfg = dict()
test_cfg = dict()
'''


def write_config(path: Path, folder: Path, manifest: str,
                 records: Sequence[PairRecord]) -> None:
    """Write a configuration that trains on a manifest as it is.

    Args:
        path: The configuration; inside a folder that has ``_base_``.
        folder: Folder of the manifest and the images.
        manifest: Name of the manifest in it.
        records: Its rows.

    Raises:
        ValueError: A file is there that was not written by this function.
        FileNotFoundError: ``_base_`` is not beside the configuration.
    """
    base = path.parent / '_base_' / 'default_runtime.py'
    if not base.is_file():
        raise FileNotFoundError(
            f'a configuration inherits from _base_/default_runtime.py: '
            f'{base} is not there, choose a --config in the configs folder')
    if path.exists() and not path.read_text(encoding='utf-8').startswith(
            _MARK):
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
    text = _TEMPLATE.format(
        mark=_MARK, path=path.as_posix(), stem=path.stem,
        base='_base_/default_runtime.py', data_root=_written(folder),
        classes=classes, num_classes=len(classes),
        image_size=64, num_terms=1000 if len(train) < 1000 else 3000,
        manifest=manifest, separator=LABEL_SEPARATOR if several else None,
        batch_size=min(64, max(2, len(train) // 2)), max_iters=max_iters,
        interval=max_iters // 5)
    with atomic_write(path, 'w', encoding='utf-8') as file:
        file.write(text)


def _written(folder: Path) -> str:
    """Return the folder as a run from here finds it."""
    relative = os.path.relpath(folder)
    return (str(folder.resolve()) if relative.startswith('..') else
            Path(relative).as_posix())
