"""The tool that writes a class-name prior."""
from __future__ import annotations

import sys

import numpy as np
from tiny_ladder import write_ladder

from chtn_plugin.apis import class_prior
from chtn_plugin.cli.make_class_prior import main


def test_a_source_of_features_becomes_a_prior(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(class_prior, 'name_vectors',
                        lambda names, _: np.ones((len(names), 3)))
    np.savez(tmp_path / 's.npz', F=np.eye(4), label=np.array([0, 1, 0, 1]))
    (tmp_path / 'names.txt').write_text('cat\ndog\n')
    monkeypatch.setattr(sys, 'argv', [
        'make_class_prior.py', str(tmp_path / 'p.npz'), '--classes', 'x',
        'y', 'z', '--source', str(tmp_path / 's.npz'), '--source-names',
        str(tmp_path / 'names.txt')])
    assert main() == 0
    assert '2 source classes, 3 of yours' in capsys.readouterr().out
    with np.load(tmp_path / 'p.npz') as arrays:
        assert arrays['source_weight'].shape == (2, 4)
        assert arrays['target_names'].shape == (3, 3)


def test_a_missing_source_is_told_in_one_line(tmp_path, monkeypatch, capsys):
    (tmp_path / 'names.txt').write_text('cat\n')
    monkeypatch.setattr(sys, 'argv', [
        'make_class_prior.py', str(tmp_path / 'p.npz'), '--classes', 'x',
        '--source', str(tmp_path / 'none.npz'), '--source-names',
        str(tmp_path / 'names.txt')])
    assert main() == 1
    assert capsys.readouterr().err.startswith('error: ')


def test_classes_may_be_those_of_a_configuration(tmp_path, monkeypatch):
    heard: list[list[str]] = []
    monkeypatch.setattr(
        class_prior, 'name_vectors',
        lambda names, _: heard.append(names) or np.ones((len(names), 3)))
    np.savez(tmp_path / 's.npz', F=np.eye(4), label=np.array([0, 1, 0, 1]))
    (tmp_path / 'names.txt').write_text('cat\ndog\n')
    monkeypatch.setattr(sys, 'argv', [
        'make_class_prior.py', str(tmp_path / 'p.npz'), '--config',
        str(write_ladder(tmp_path)), '--source', str(tmp_path / 's.npz'),
        '--source-names', str(tmp_path / 'names.txt')])
    assert main() == 0
    assert heard == [['cat', 'dog', 'a', 'b', 'c']]
