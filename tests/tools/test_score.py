"""tools/score.py as a user runs it."""
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from chtn_plugin.evaluation import Embeddings, save_embeddings

TOOL = Path(__file__).parents[2] / 'tools' / 'score.py'


def run(*arguments):
    return subprocess.run([sys.executable, TOOL, *map(str, arguments)],
                          capture_output=True, text=True)


@pytest.fixture(scope='module')
def embeddings(tmp_path_factory):
    path = tmp_path_factory.mktemp('score') / 'embeddings.npz'
    rng = np.random.default_rng(0)
    labels = np.arange(30) % 3
    image, text = rng.normal(size=(2, 30, 4)) + np.eye(4)[labels]
    save_embeddings(path, Embeddings(image, text, labels, labels,
                                     classes=('sea', 'sky', 'sun')))
    return path


def test_prints_writes_and_exports(embeddings, tmp_path):
    out = tmp_path / 'results.json'
    done = run(embeddings, '--protocol', 'all', '--k', 1, 5, '--out', out,
               '--trec', tmp_path / 'trec', '--per-class')
    assert done.returncode == 0, done.stderr
    for name in ('chtn-map-all:stable', 'acmr-map-hits@5', 'ndcg', 'pr-11'):
        assert name in done.stdout
    assert 'chtn-map-all  i2t  sky' in done.stdout
    results = json.loads(out.read_text())
    assert {f['direction'] for f in results['figures']} == {
        'i2t', 't2i', 'mean'}
    assert (tmp_path / 'trec' / 't2i.qrels').exists()


def test_gives_the_cuts_to_a_name_without_one(embeddings):
    done = run(embeddings, '--protocol', 'precision:stable', '--k', 2, 3,
               '--bootstrap', 0)
    assert done.returncode == 0, done.stderr
    assert 'precision@2:stable' in done.stdout
    assert 'precision@3:stable' in done.stdout


def test_lists_the_protocols_and_refuses_others(embeddings):
    assert 'torchcmh-map-first@K' in run('--list').stdout
    done = run(embeddings, '--protocol', 'map')
    assert done.returncode and 'chtn-map-all' in done.stderr
