"""What OpenMMLab's tools are told of the shipped configurations.

A new configuration, or a new figure in one: ``python .ci/metafiles.py``.
"""
from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from mmengine.registry import MODELS

from chtn_plugin.engine.config_files import read_config_file

ROOT = Path(__file__).parents[1]
LEAVES = sorted(path.relative_to(ROOT).as_posix() for path in
                (ROOT / 'configs').rglob('*.py')
                if '_base_' not in path.parts
                and not path.name.startswith('own_'))
_EXPECTED = re.compile(r'Expect:? (\.\d+)(?: ± \.\d+)? mean mAP')


def entries():
    index = yaml.safe_load((ROOT / 'model-index.yml').read_text())
    for name in index['Import']:
        meta = yaml.safe_load((ROOT / name).read_text('utf-8'))
        collections = {each['Name']: each for each in meta['Collections']}
        for model in meta['Models']:
            yield name, collections, model


ENTRIES = {model['Config']: (name, collections, model)
           for name, collections, model in entries()}


def test_every_configuration_has_one_entry():
    assert sorted(ENTRIES) == LEAVES, 'run: python .ci/metafiles.py'
    assert len(list(entries())) == len(LEAVES)


@pytest.mark.parametrize('config', LEAVES)
def test_an_entry_says_what_its_configuration_says(config):
    _, collections, model = ENTRIES[config]
    cfg = read_config_file(str(ROOT / config))
    assert model['Name'] == Path(config).stem
    assert model['In Collection'] == cfg.model.type
    paper = MODELS.get(cfg.model.type).paper
    assert collections[cfg.model.type].get('Paper', {}).get('URL') == paper
    expected = _EXPECTED.search((ROOT / config).read_text('utf-8'))
    figures = [value for result in model.get('Results', ())
               for value in result['Metrics'].values()]
    assert figures == ([float(expected[1])] if expected else []), (
        'run: python .ci/metafiles.py')
