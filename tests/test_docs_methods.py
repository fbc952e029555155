"""docs/methods.md has a section for every method, with paper and leaf."""
from __future__ import annotations

import re
from pathlib import Path

import pytest
from mmengine.config import Config

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
