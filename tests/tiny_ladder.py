"""A configuration of ready features for the studies of few labels."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from small_set import small_set

from chtn_plugin.studies.config_rows import ConfigRows, read_config_rows
from chtn_plugin.studies.pair_features import prepare
from chtn_plugin.studies.transfer_ladder import Setup, read_classifier

CLASSES = ('a', 'b', 'c')


def write_ladder(folder: Path, unlabelled: int = 0, prior: bool = False,
                 source: bool = False, **options: Any) -> Path:
    """Write features and a configuration of CHTN on them.

    Args:
        folder: Where to.
        unlabelled: How many of the 48 training rows have no class.
        prior: Whether there is a class-name prior, readable by texts too.
        source: Whether there is a source of ready features.
        options: Of the small set.
    """
    made = small_set(**options)
    label = made.label.copy()
    label[:unlabelled] = -1
    train = made.train
    np.savez(folder / 'rows.npz', image_train=made.image[train],
             text_train=made.text[train], label_train=label[train],
             image_test=made.image[~train], text_test=made.text[~train],
             label_test=label[~train], classes=np.array(CLASSES))
    rng = np.random.default_rng(5)
    np.savez(folder / 'source.npz', F=rng.normal(size=(20, 6)),
             label=np.arange(20) % 4)
    # Names are the classes' mean texts, so that they tell them apart.
    names = np.stack([made.text[made.label == c].mean(0) for c in range(3)])
    means = np.stack([made.image[made.label == c].mean(0) for c in range(3)])
    np.savez(folder / 'prior.npz', source_weight=2 * means,
             source_bias=-(means**2).sum(1), source_names=names,
             target_names=names)
    model: dict[str, Any] = dict(
        type='CHTN', num_classes=3, backbone=None, input_shape=(6, ),
        source_pathway=None, mmd=None, pair=None, similarity='dot',
        text_encoder=dict(type='VectorTextEncoder', out_features=5,
                          norm=None),
        image_pathway=dict(type='Pathway', widths=(8, 8)),
        common_head=dict(type='CommonHead', widths=(8, 8)),
        pair_teacher=dict(type='PairTeacherLoss', warm_up=2))
    if prior:
        model['class_prior'] = dict(
            type='ClassNamePrior', file=str(folder / 'prior.npz'),
            text_weight=1.)
    pairs = dict(type='FeaturePairDataset', file=str(folder / 'rows.npz'))
    target: dict[str, Any] = dict(
        type='HybridTransferDataset', target=dict(
            pairs, split='train', per_class=2, rest='unlabelled',
            only='labelled'),
        unlabelled=dict(pairs, split='train', only='unlabelled'))
    if source:
        target['source'] = dict(type='SourceFeatureDataset',
                                file=str(folder / 'source.npz'))
    cfg = Config(dict(
        model=model, train_dataloader=dict(dataset=target),
        val_dataloader=dict(dataset=dict(pairs, split='val')),
        test_dataloader=dict(dataset=dict(pairs, split='test')),
        test_evaluator=dict(type='RetrievalMetric'),
        optim_wrapper=dict(type='OptimWrapper', optimizer=dict(
            type='SGD', lr=.01)),
        train_cfg=dict(by_epoch=False, max_iters=4)))
    path = folder / 'ladder.py'
    cfg.dump(str(path))
    return path


def read_ladder(folder: Path, **options: Any) -> ConfigRows:
    """Write the same and read its rows."""
    return read_config_rows(
        Config.fromfile(str(write_ladder(folder, **options))), 'small',
        str(folder / 'cache'))


def ladder_setup(folder: Path, **options: Any) -> Setup:
    """Write the same and prepare it for a report."""
    rows = read_ladder(folder, **options)
    return Setup(rows, prepare(rows.features, None),
                 read_classifier(rows.prior))
