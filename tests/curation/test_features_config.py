"""A configuration for a file of ready features."""
from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config

from chtn_plugin.curation.features_config import write_features_config

ROOT = Path(__file__).parents[2]


@pytest.fixture
def written(tmp_path):
    """Writes features of 40 pairs under these labels, and a configuration."""
    (tmp_path / 'configs').mkdir()
    (tmp_path / 'configs' / '_base_').symlink_to(ROOT / 'configs' / '_base_')

    def write(label, said, **arrays):
        rng = np.random.default_rng(0)
        np.savez(tmp_path / 'f.npz', image_train=rng.normal(size=(40, 3)),
                 text_train=rng.normal(size=(40, 2)), label_train=label,
                 **arrays)
        path = tmp_path / 'configs' / 'own.py'
        write_features_config(path, tmp_path / 'f.npz', said.append)
        return Config.fromfile(str(path))
    return write


def test_rows_without_a_class_teach(written):
    label = np.arange(40) % 2
    label[20:] = -1
    said: list[str] = []
    config = written(label, said)
    data = config.train_dataloader.dataset
    assert data.type == 'HybridTransferDataset'
    assert (data.target.only, data.unlabelled.only) == ('labelled',
                                                        'unlabelled')
    assert data.target.l2_normalized == ('image', 'text')
    assert config.model.pair_teacher.type == 'PairTeacherLoss'
    assert '20 of train without a class' in said[0]


def test_where_most_rows_lack_a_class_the_measured_recipe_is_written(written):
    label = np.arange(40) % 2
    label[16:] = -1
    config = written(label, [])
    assert config.train_dataloader.batch_size == 64
    assert config.model.image_pathway.dropout == .7
    assert config.model.regression.pairs
    assert config.param_scheduler.T_max == config.train_cfg.max_iters == 300
    # A few validation rows must choose no state from before the teaching.
    assert config.train_cfg.val_interval == 300


def test_rows_that_all_have_a_class_need_no_teacher(written):
    config = written(np.arange(40) % 2, [])
    assert config.train_dataloader.dataset.type == 'FeaturePairDataset'
    assert 'pair_teacher' not in config.model


def test_rows_of_several_classes_have_no_teacher(written):
    label = np.eye(2)[np.arange(40) % 2]
    label[20:] = np.nan
    config = written(label, [])
    assert config.train_dataloader.dataset.only == 'labelled'
    assert 'pair_teacher' not in config.model


FEW = np.where(np.arange(40) < 16, np.arange(40) % 2, -1)
OURS = dict(images='offline', texts='offline', text_encoder=dict(
    type='HFTextEncoder'), backbone=dict(type='EfficientNetLite0'))


@pytest.mark.parametrize(('changes', 'told'), [
    ({}, True), (dict(backbone=dict(type='ViT')), False),
    (dict(backbone=None), False)])
def test_few_labels_of_a_known_encoder_are_told_of_names(written, changes,
                                                         told):
    said: list[str] = []
    written(FEW, said, meta=np.array(json.dumps(dict(OURS, **changes))))
    assert any('make_class_prior.py' in line for line in said) == told


def test_vectors_of_unknown_encoders_are_told_of_no_names(written):
    said: list[str] = []
    written(FEW, said)
    assert not any('make_class_prior.py' in line for line in said)


def test_where_labels_are_many_names_are_not_spoken_of(written):
    said: list[str] = []
    written(np.arange(40) % 2, said, meta=np.array(json.dumps(OURS)))
    assert not any('make_class_prior.py' in line for line in said)
