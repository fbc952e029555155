"""A fold of cross-validation in a configuration."""
from __future__ import annotations

import pytest
from mmengine.config import Config

import chtn_plugin  # noqa: F401
from chtn_plugin.engine.folds import use_fold

PAIRS = dict(type='FeaturePairDataset', file='pairs.npz')


def config(train, **changes):
    return Config(dict(dict(
        train_dataloader=dict(dataset=train), train_cfg=dict(max_iters=1),
        val_dataloader=dict(dataset=dict(PAIRS, split='val')),
        val_cfg=dict(), test_dataloader=dict(dataset=PAIRS),
        test_cfg=dict(), test_evaluator=dict(type='RetrievalMetric')),
        **changes))


def test_every_set_of_pairs_gets_the_fold_and_a_source_stays_whole():
    cfg = config(dict(
        type='HybridTransferDataset', target=dict(PAIRS),
        unlabelled=dict(type='CrossModalDataset', ann_file='pairs.tsv'),
        source=dict(PAIRS)))
    use_fold(cfg, 2, 5, seed=7)
    train = cfg.train_dataloader.dataset
    assert tuple(train.target.fold) == (2, 5) and train.target.seed == 7
    assert tuple(train.unlabelled.fold) == (2, 5)
    assert train.unlabelled.val_seed == 7
    assert 'fold' not in train.source
    assert tuple(cfg.val_dataloader.dataset.fold) == (2, 5)
    assert cfg.test_dataloader is cfg.test_cfg is cfg.test_evaluator is None


def test_refuses_data_that_know_no_folds():
    with pytest.raises(ValueError, match='SourceFeatureDataset of train_'):
        use_fold(config(dict(type='SourceFeatureDataset', file='a')), 0, 2)


def test_refuses_a_configuration_without_validation():
    with pytest.raises(ValueError, match='val_dataloader or val_cfg'):
        use_fold(config(dict(PAIRS), val_cfg=None), 0, 2)
