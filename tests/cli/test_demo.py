"""The demo's commands, and what it says at the end."""
from __future__ import annotations

import sys

import pytest

from chtn_plugin.cli import demo


@pytest.fixture
def ran(monkeypatch):
    """Command lines that are run, without running them."""
    seen = []
    monkeypatch.setattr(demo, 'run_command',
                        lambda name, words: seen.append([name, *words]))
    return seen


def test_it_trains_tests_and_searches_and_says_what_is_next(
        ran, monkeypatch, capsys):
    monkeypatch.setattr(sys, 'argv', ['chtn demo'])
    assert demo.main() == 0
    assert [words[0] for words in ran] == ['train', 'test', 'search']
    assert ran[0] == ['train', 'chtn_plugin::chtn_demo.py', '--work-dir',
                      'work_dirs/chtn_demo', '--resume']
    out = capsys.readouterr().out
    for words in ran:
        assert f'$ chtn {words[0]}' in out
    assert '  chtn search work_dirs/chtn_demo --gallery' in out


def test_fewer_iterations_shorten_the_schedule_too(ran, monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['chtn demo', '--iterations', '30'])
    demo.main()
    assert ran[0][-4:] == ['--cfg-options', 'train_cfg.max_iters=30',
                           'param_scheduler.T_max=30',
                           'train_cfg.val_interval=30']


def test_it_stops_where_a_command_fails(monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['chtn demo'])
    monkeypatch.setattr(demo, 'run_command', lambda name, words: 3)
    assert demo.main() == 3


def test_no_iterations_are_refused(monkeypatch, capsys):
    monkeypatch.setattr(sys, 'argv', ['chtn demo', '--iterations', '0'])
    with pytest.raises(SystemExit):
        demo.main()
    assert 'at least 1, got 0' in capsys.readouterr().err
