"""All pairs of a configuration, as its frozen towers encode them."""
from __future__ import annotations

import numpy as np
import pytest
import torch
from mmengine.config import Config
from small_set import small_set
from tiny_ladder import read_ladder, write_ladder
from tiny_run import write_run

from chtn_plugin.studies.config_rows import read_config_rows


def test_labels_that_options_take_away_are_there_again(tmp_path):
    # The configuration leaves two labels a class; the file has all 48.
    features = read_ladder(tmp_path).features
    assert (features.label[features.train] >= 0).sum() == 48


def test_validation_rows_count_as_training_rows(tmp_path):
    features = read_ladder(tmp_path).features
    assert features.train.sum() == 48 and (~features.train).sum() == 15


def test_vectors_are_those_of_the_file(tmp_path):
    features, made = read_ladder(tmp_path).features, small_set()
    assert features.image[~features.train] == pytest.approx(
        made.image[~made.train])
    assert np.sort(features.text[features.train], 0) == pytest.approx(
        np.sort(made.text[made.train], 0))


def test_a_pair_without_a_class_stays_without(tmp_path):
    features = read_ladder(tmp_path, unlabelled=6).features
    assert (features.label == -1).sum() == 6


def test_a_source_of_ready_features_comes_along(tmp_path):
    rows = read_ladder(tmp_path, source=True)
    assert rows.source is not None
    assert rows.source[0].shape == (20, 6)
    assert rows.source[1].tolist() == (np.arange(20) % 4).tolist()


def test_pairs_of_a_manifest_bear_their_names_and_texts(tmp_path):
    run = write_run(tmp_path)
    stored = torch.load(next(run.glob('*.pth')), weights_only=False)
    cfg = Config.fromstring(stored['meta']['cfg'], '.py')
    cfg.model.trunk_mode = 'frozen'
    cfg.train_dataloader = cfg.val_dataloader = dict(dataset=dict(
        cfg.test_dataloader.dataset, split='train'))
    rows = read_config_rows(cfg, 'tiny', str(tmp_path / 'cache'))
    assert all(item.text and item.path for item in rows.items)


def test_a_trained_trunk_is_refused(tmp_path):
    cfg = Config.fromfile(str(write_ladder(tmp_path)))
    cfg.model.backbone = dict(type='SmallConvNet')
    cfg.model.update(input_shape=(1, 32, 32), trunk_mode='train')
    with pytest.raises(ValueError, match="trunk of small is of mode 'train'"):
        read_config_rows(cfg, 'small')


def test_several_classes_a_pair_are_refused(tmp_path):
    path = write_ladder(tmp_path)
    with np.load(tmp_path / 'rows.npz') as file:
        arrays = dict(file)
    arrays.pop('classes')
    for split in ('train', 'test'):
        arrays[f'label_{split}'] = np.eye(3)[arrays[f'label_{split}']]
    np.savez(tmp_path / 'rows.npz', **arrays)
    cfg = Config.fromfile(str(path))
    with pytest.raises(ValueError, match='small has several classes a pair'):
        read_config_rows(cfg, 'small')


def test_a_configuration_without_test_data_is_refused(tmp_path):
    cfg = Config.fromfile(str(write_ladder(tmp_path)))
    cfg.test_dataloader = None
    with pytest.raises(ValueError, match='small has no test data'):
        read_config_rows(cfg, 'small')
