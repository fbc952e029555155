"""Versions, commit and data of a run."""
from __future__ import annotations

import subprocess

import pytest
import torch

import chtn_plugin
from chtn_plugin.engine import environment


def test_versions_are_those_that_run():
    found = environment.versions()
    assert found['chtn_plugin'] == chtn_plugin.__version__
    assert found['torch'] == torch.__version__


def test_the_build_of_torch_is_named(monkeypatch):
    # The metadata of PyPI's wheel say 2.13.0 where torch says 2.13.0+cu130.
    monkeypatch.setattr(torch, '__version__', '2.13.0+cu130')
    assert environment.versions()['torch'] == '2.13.0+cu130'


@pytest.mark.parametrize('change, mark', [('a = 1', ''), ('a = 2', '+')])
def test_a_changed_checkout_is_marked(tmp_path, monkeypatch, change, mark):
    def git(*words):
        return subprocess.run(
            ['git', '-C', tmp_path, '-c', 'user.name=a', '-c',
             'user.email=a@b', *words], check=True, capture_output=True,
            text=True).stdout.strip()
    module = tmp_path / 'package' / 'engine' / 'environment.py'
    module.parent.mkdir(parents=True)
    module.write_text('a = 1')
    git('init')
    git('add', '.')
    git('commit', '-m', 'm')
    module.write_text(change)
    monkeypatch.setattr(environment, '__file__', str(module))
    assert environment.commit() == git('rev-parse', 'HEAD') + mark


def test_what_is_no_checkout_has_no_commit(tmp_path, monkeypatch):
    monkeypatch.setattr(environment, '__file__', str(tmp_path / 'a/b/c.py'))
    assert environment.commit() is None


class _Data(list):

    def get_data_info(self, number):
        return self[number]


def test_the_hash_is_of_rows_in_order_and_not_of_folders():
    rows = [dict(id='1', img_path='a/1.png', text='x', label=0),
            dict(id='2', img_path='a/2.png', text='y', label=1)]
    known = environment.data_hash(_Data(rows))
    assert len(known) == 16
    moved = [dict(row, img_path=f'b/{row["id"]}.png') for row in rows]
    assert environment.data_hash(_Data(moved)) == known
    for other in (rows[::-1], rows[:1], [rows[0], dict(rows[1], text='z')]):
        assert environment.data_hash(_Data(other)) != known
    assert environment.data_hash([1]) is None
