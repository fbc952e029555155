"""CHTN's own network on drawn labels."""
from __future__ import annotations

import pytest
from tiny_ladder import ladder_setup, read_ladder

from chtn_plugin.studies.label_budgets import LabelBudget
from chtn_plugin.studies.transfer_ladder import labels_of
from chtn_plugin.studies.transfer_network import (
    VARIANTS,
    network_config,
    train_network,
)


def config(rows, name, unlabelled=True):
    return network_config(rows, VARIANTS[name], 'rows.npz', 0, 'prior.npz',
                          unlabelled)


def test_layers_and_schedule_are_the_configurations(tmp_path):
    cfg = config(read_ladder(tmp_path), 'network')
    assert cfg.model.common_head.widths == (8, 8)
    assert cfg.train_cfg.max_iters == 4


def test_without_a_pair_teacher_they_are_the_recipes(tmp_path):
    rows = read_ladder(tmp_path)
    rows.config.model.pop('pair_teacher')
    cfg = config(rows, 'network, pairs')
    assert cfg.model.common_head.widths == (256, 256)
    assert cfg.train_cfg.max_iters == 300
    assert cfg.model.pair_teacher.type == 'PairTeacherLoss'
    assert cfg.model.regression.pairs
    assert config(rows, 'network').model.get('regression') is None


@pytest.mark.parametrize(('name', 'present'), [
    ('network', set()), ('network, pair distance', {'pair'}),
    ('network, source supervision', {'source_pathway'}),
    ('network, source supervision, MMD', {'source_pathway', 'mmd'}),
    ('network, pairs', {'pair_teacher'}),
    ('network, pairs, names', {'pair_teacher', 'class_prior'})])
def test_a_variant_has_its_terms_alone(tmp_path, name, present):
    model = config(read_ladder(tmp_path, source=True, prior=True), name).model
    terms = ('pair', 'source_pathway', 'mmd', 'pair_teacher', 'class_prior')
    assert {term for term in terms if model.get(term) is not None} == present


def test_with_all_labels_there_is_nothing_to_teach(tmp_path):
    cfg = config(read_ladder(tmp_path), 'network, pairs', unlabelled=False)
    assert cfg.model.get('pair_teacher') is None
    assert cfg.train_dataloader.dataset.type == 'FeaturePairDataset'


def test_the_regression_stands_beside_the_network_with_all_labels_too(
        tmp_path):
    rows = read_ladder(tmp_path)
    rows.config.model.pop('pair_teacher')
    cfg = config(rows, 'network, pairs', unlabelled=False)
    assert cfg.model.regression.pairs
    assert config(rows, 'network', unlabelled=False).model.get(
        'regression') is None


def test_it_trains_and_encodes(tmp_path):
    setup = ladder_setup(tmp_path)
    label = labels_of(setup, LabelBudget(each=2), 0)
    model = train_network(setup.rows, label, VARIANTS['network, pairs'], 0)
    assert not model.training
    assert float(model.pair_teacher.calls) == 4
