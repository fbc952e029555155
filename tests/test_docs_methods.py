"""docs/methods.md has a section for every method; their leaves hold."""
from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import DATASETS

from chtn_plugin import methods

ROOT = Path(__file__).resolve().parents[1]
SECTIONS = dict(re.findall(
    r'^### (\w+)\n(.*?)(?=^##|\Z)',
    (ROOT / 'docs/methods.md').read_text('utf-8'), re.DOTALL | re.MULTILINE))


def test_every_method_has_a_section():
    assert set(SECTIONS) == set(methods.__all__)


@pytest.mark.parametrize('name', SECTIONS)
def test_a_section_links_the_paper_that_the_method_names(name):
    assert f']({getattr(methods, name).paper})' in SECTIONS[name]


@pytest.mark.parametrize('name', SECTIONS)
def test_a_section_names_a_leaf_of_the_method(name):
    leaf = re.search(r'`(configs/[\w/-]+\.py)`', SECTIONS[name])
    assert leaf is not None
    assert Config.fromfile(ROOT / leaf[1]).model.type == name


@pytest.mark.parametrize('name', SECTIONS)
def test_every_other_leaf_that_is_named_exists(name):
    first, *more = re.findall(r'`((?:configs/)?[\w/-]+\.py)`',
                              SECTIONS[name])
    stem = Path(first).stem.rpartition('_')[0]
    for leaf in more:
        if leaf.startswith('_'):
            leaf = stem + leaf
        folder = '' if '/' in leaf else 'configs/methods'
        assert (ROOT / folder / leaf).is_file(), leaf


@pytest.mark.parametrize('name', ['deep_sm', 'dscmr', 'acmr',
                                  'pair_contrast'])
@pytest.mark.parametrize('split', ['train', 'val', 'test'])
def test_projections_get_wikipedias_features_at_length_1(name, split,
                                                         tmp_path):
    # Images of length 142, as they are, made these four diverge.
    draw = np.random.default_rng(0)
    rows = {f'{key}_{part}': 50 * draw.normal(size=(40, size))
            for part in ('tr', 'te') for key, size in (('I', 128),
                                                       ('T', 100))}
    label = np.arange(40) % 10
    np.savez(tmp_path / 'a.npz', y_tr=label, y_te=label, **rows)
    config = Config.fromfile(ROOT / f'configs/methods/{name}_wiki.py')
    dataset = DATASETS.build(dict(
        config[f'{split}_dataloader'].dataset, file=str(tmp_path / 'a.npz')))
    inputs = dataset.__getitems__([0, 1])['inputs']
    for value in inputs.values():
        assert value.norm(dim=1).tolist() == pytest.approx([1, 1])
