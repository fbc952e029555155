"""What `chtn env` says."""
from __future__ import annotations

import json

from tiny_run import run_tool

from chtn_plugin.cli import env
from chtn_plugin.engine import environment


def test_json_and_lines_say_the_same():
    status, out, _ = run_tool('env', '--json')
    found = json.loads(out)
    assert status == 0 and found['machine']['cores'] >= 1
    status, lines, _ = run_tool('env')
    assert status == 0
    for name, value in found['versions'].items():
        assert any(line.split() == [name, value]
                   for line in lines.splitlines())


def test_both_families_in_one_environment_are_a_problem(monkeypatch):
    monkeypatch.setattr(environment, 'versions', lambda: dict.fromkeys(
        ('mmengine', 'onedl-mmengine', 'mmcv-lite'), '1'))
    problem, = env.environment()['problems']
    assert problem.startswith('mmengine and onedl-mmengine overwrite')
