"""Runs as safetensors and JSON, opened without trust."""
from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from chtn_plugin.apis import open_run
from chtn_plugin.apis.published_run import (
    is_published,
    open_published,
    write_published,
)


@pytest.fixture
def folder(tiny, tmp_path):
    run = open_run(tiny / 'run')
    write_published(run, tmp_path, run.meta)
    return tmp_path


def changed(folder, **values):
    path = folder / 'config.json'
    path.write_text(json.dumps(dict(json.loads(path.read_text()), **values)))


def test_everything_comes_back(folder, tiny):
    run, again = open_run(tiny / 'run'), open_published(folder)
    assert is_published(folder) and not is_published(tiny / 'run')
    assert again.fingerprint == run.fingerprint
    assert again.cfg['model'] == run.cfg['model']
    # A tuple of the configuration is none of JSON's lists.
    assert again.pipeline_config == run.pipeline_config
    assert isinstance(again.pipeline_config[1]['scale'], tuple)
    assert (again.classes, again.text_state) == (run.classes, run.text_state)
    assert "type='CHTN'" in again.meta['cfg']


@pytest.mark.parametrize('values, message', [
    (dict(library='timm'), 'must describe a model of chtn_plugin'),
    (dict(format=2), 'format 1 or earlier, got 2'),
    (dict(config=dict(model=dict(type='subprocess.run'))),
     "'subprocess.run' is none"),
    (dict(config=dict(a=1)), 'config.model and meta'),
    (dict(meta=7), 'config.model and meta')])
def test_other_descriptions_are_refused(folder, values, message):
    changed(folder, **values)
    with pytest.raises(ValueError, match=message):
        open_published(folder)


@pytest.mark.parametrize('name, message', [
    ('config.json', 'must be JSON'),
    ('model.safetensors', 'must be a whole file of safetensors')])
def test_a_torn_file_is_named(folder, name, message):
    path = folder / name
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ValueError, match=f'{name} {message}'):
        open_published(folder)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=name):
        open_published(folder)


def test_weights_that_are_not_finite_are_refused(folder):
    path = folder / 'model.safetensors'
    state = load_file(path)
    next(value for value in state.values()
         if value.is_floating_point()).fill_(torch.nan)
    save_file(state, path)
    with pytest.raises(ValueError, match='finite'):
        open_published(folder)


def test_a_value_that_is_not_plain_cannot_be_published(tiny, tmp_path):
    run = open_run(tiny / 'run')
    run.cfg['model'] = dict(run.cfg['model'], odd=object())
    with pytest.raises(ValueError, match='plain values.*object'):
        write_published(run, tmp_path, {})
