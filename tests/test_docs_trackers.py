"""Snippets of docs/trackers.md are read; where its package is, one trains."""
from __future__ import annotations

import re
import sqlite3
import subprocess
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.registry import VISBACKENDS
from short_run import ROOT, command, environment, write_config

import chtn_plugin  # noqa: F401
from chtn_plugin.engine.options import check_config

PAGE = (ROOT / 'docs/trackers.md').read_text('utf-8')
SNIPPETS = dict(zip(re.findall(r'^## (.*)', PAGE, re.M),
                    re.findall(r'```python\n(.*?)```', PAGE, re.S),
                    strict=True))
METRIC = 'retrieval/mean_mAP'


@pytest.mark.parametrize('name', SNIPPETS)
def test_a_snippet_is_a_whole_configuration(tmp_path, name):
    text = SNIPPETS[name].replace(
        'chtn_demo.py', str(ROOT / 'configs/chtn_demo.py'))
    (tmp_path / 'mine.py').write_text(text)
    cfg = Config.fromfile(str(tmp_path / 'mine.py'))
    check_config(cfg)
    first, second = cfg.visualizer.vis_backends
    assert cfg.visualizer.type == 'Visualizer'
    assert first.type == 'LocalVisBackend'
    assert VISBACKENDS.get(second.type) is not None


def trained(tmp_path: Path, name: str) -> Path:
    """Train the snippet's configuration on tiny data; its work directory."""
    write_config(tmp_path)
    (tmp_path / 'mine.py').write_text(
        SNIPPETS[name].replace('chtn_demo.py', 'tiny.py'))
    done = subprocess.run(
        command('train.py', 'mine.py', '--work-dir', 'work'),
        env=dict(environment(), TRACKIO_DIR=str(tmp_path / 'trackio')),
        cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-4000:]
    assert list(tmp_path.glob('work/*/vis_data/scalars.json'))
    return tmp_path / 'work'


def test_tensorboard_holds_the_figures(tmp_path):
    loading = pytest.importorskip(
        'tensorboard.backend.event_processing.event_accumulator')
    event, = trained(tmp_path, 'TensorBoard').rglob('events.out.*')
    log = loading.EventAccumulator(str(event.parent))
    log.Reload()
    assert [scalar.step for scalar in log.Scalars(METRIC)] == [4, 8, 12]


@pytest.mark.slow
def test_wandb_holds_the_figures(tmp_path):
    pytest.importorskip('wandb')
    run, = trained(tmp_path, 'Weights & Biases').rglob('run-*.wandb')
    assert METRIC.encode() in run.read_bytes()


@pytest.mark.slow
def test_mlflow_holds_the_figures(tmp_path):
    pytest.importorskip('mlflow')
    trained(tmp_path, 'MLflow')
    with sqlite3.connect(tmp_path / 'mlflow.db') as store:
        steps = store.execute('SELECT step FROM metrics WHERE key = ? '
                              'ORDER BY step', (METRIC, )).fetchall()
    assert [step for step, in steps] == [4, 8, 12]


@pytest.mark.slow
def test_trackio_holds_the_figures(tmp_path):
    pytest.importorskip('trackio')
    trained(tmp_path, 'trackio')
    with sqlite3.connect(tmp_path / 'trackio/chtn.db') as store:
        rows = store.execute('SELECT step, metrics FROM metrics').fetchall()
    assert [step for step, metrics in rows
            if METRIC in (metrics if isinstance(metrics, str)
                          else metrics.decode())] == [4, 8, 12]
