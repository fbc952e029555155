"""tools/kfold_cross_valid.py on ready features."""
from __future__ import annotations

import json
import statistics

import pytest
from short_run import write_config
from tiny_run import run_tool

from chtn_plugin.cli.kfold_cross_valid import _keep, summarised

TOOL = 'kfold_cross_valid'


def test_mean_and_deviation_over_the_folds_that_have_a_figure():
    found = summarised({'0': dict(a=1., b=None), '1': dict(a=2., b=4.)})
    assert found['mean'] == dict(a=1.5, b=4.)
    assert found['sd'] == dict(a=pytest.approx(statistics.stdev([1, 2])),
                               b=None)


def test_folds_of_two_processes_are_kept(tmp_path):
    path = tmp_path / 'kfold.json'
    this = dict(num_splits=3, seed=0, config_hash='x')
    _keep(path, dict(this, folds={'0': dict(a=.5)}))
    other = dict(this, folds={'1': dict(a=None)})
    _keep(path, other)
    assert json.loads(path.read_text())['folds'] == other['folds'] == {
        '0': dict(a=.5), '1': dict(a=None)}
    with pytest.raises(ValueError, match='seed of .* differs'):
        _keep(path, dict(this, seed=1, folds={}))


def test_folds_are_measured_kept_and_gone_on_with(tmp_path):
    config, work_dir = write_config(tmp_path), tmp_path / 'work'
    line = config, '--num-splits', 3, '--work-dir', work_dir
    status, out, err = run_tool(TOOL, *line, '--fold', 1)
    assert status == 0, err
    first = json.loads((work_dir / 'kfold.json').read_text())
    assert list(first['folds']) == ['1']
    status, _, err = run_tool(TOOL, *line)
    assert status == 1 and '--resume goes on' in err
    status, _, err = run_tool(TOOL, *line, '--resume', '--seed', 3)
    assert status == 1 and 'seed of' in err and 'differs' in err
    status, out, err = run_tool(TOOL, *line, '--resume', '--json',
                                tmp_path / 'all.json')
    assert status == 0, err
    found = json.loads((tmp_path / 'all.json').read_text())
    assert set(found['folds']) == {'0', '1', '2'}
    assert found['folds']['1'] == first['folds']['1']
    name = 'retrieval/mean_mAP'
    values = [one[name] for one in found['folds'].values()]
    assert found['mean'][name] == pytest.approx(statistics.fmean(values))
    assert found['sd'][name] == pytest.approx(statistics.stdev(values))
    assert f"{found['mean'][name]:.4f}" in out
    assert 'the test split was not read' in out
