"""Loaders work where workers are spawned: what they get is pickled.

macOS and Windows start workers so; Linux forks unless it is told otherwise.
"""
from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.registry import DATASETS, FUNCTIONS
from mmengine.runner import Runner
from short_run import run, write_config
from tiny_config import shrunk

from chtn_plugin.datasets import Draw
from chtn_plugin.engine.config_files import read_config_file

CONFIGS = Path(__file__).parents[2] / 'configs'
# Between them every data set of the package: drawn characters, articles and a
# source of pictures, ready features of both, pairs from a manifest, pairs
# without a class.
SHIPPED = ('chtn_demo.py', 'chtn_wiki.py', 'chtn_wiki_features.py',
           'chtn/chtn_efflite0-minilm_1xb64-600i_pascal.py',
           'few_labels/few_webnews.py')


def same(one: Any, other: Any) -> bool:
    """Whether two batches are equal to the last bit."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(
            same(one[key], other[key]) for key in one)
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    return bool(one == other)


@pytest.mark.parametrize('name', SHIPPED)
def test_a_pickled_data_set_gives_the_same_batch(name, tmp_path):
    cfg = read_config_file(str(shrunk(CONFIGS / name, tmp_path)[0]))
    for loader in (cfg.train_dataloader, cfg.test_dataloader):
        made = DATASETS.build(loader.dataset)
        if hasattr(made, 'full_init'):
            made.full_init()
        collate = FUNCTIONS.get(loader.collate_fn.type)
        draws = [Draw(k, 0, 1, k) for k in (0, 3, 1)]
        sent = pickle.loads(pickle.dumps((made, collate, draws)))
        assert same(sent[1](sent[0].__getitems__(sent[2])),
                    collate(made.__getitems__(draws)))


def test_what_a_loader_hands_to_its_workers_is_pickled(tmp_path):
    cfg = read_config_file(str(write_config(tmp_path)))
    made = Runner.build_dataloader(dict(
        cfg.train_dataloader, num_workers=1,
        multiprocessing_context='spawn'), seed=3)
    sent = pickle.loads(pickle.dumps((made.dataset, made.collate_fn,
                                      made.worker_init_fn)))
    assert sent[2].keywords['seed'] == 3 and len(sent[0]) == len(
        made.dataset)


@pytest.mark.slow
def test_spawned_workers_train_as_the_process_itself(tmp_path):
    config = write_config(tmp_path)
    spawn = [f'{name}_dataloader.{option}' for name in ('train', 'val')
             for option in ('num_workers=1', 'persistent_workers=True',
                            'multiprocessing_context=spawn')]
    weights = []
    for name, options in (('alone', []), ('spawned', spawn)):
        run('train.py', config, '--work-dir', tmp_path / name,
            '--cfg-options', 'train_cfg.max_iters=4', *options)
        weights.append(torch.load(tmp_path / name / 'iter_4.pth',
                                  weights_only=False)['state_dict'])
    assert same(*map(dict, weights))
