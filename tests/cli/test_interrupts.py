"""Ctrl-C in any tool: how to go on, and no traceback."""
from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from short_run import ROOT, command, environment
from small_set import write_small_set
from tiny_run import run_tool

TOOLS = sorted(path.relative_to(ROOT / 'tools').with_suffix('').as_posix()
               for path in (ROOT / 'tools').rglob('*.py'))


@pytest.mark.parametrize('tool', TOOLS)
def test_every_tool_says_how_to_go_on(tool, monkeypatch):
    def pressed(*_, **__):
        raise KeyboardInterrupt
    monkeypatch.setattr(argparse.ArgumentParser, 'parse_args', pressed)
    status, _, err = run_tool(tool)
    assert status == 130
    line, = err.strip().splitlines()
    name = Path(tool).name
    assert line.startswith(f'{name}.py: interrupted. ')
    assert len(line) > len(f'{name}.py: interrupted. ') + 10


def listen_to_ctrl_c():
    """A shell's background jobs ignore it, and their children inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.mark.parametrize('jobs', [1, 2])
def test_a_benchmark_keeps_what_it_measured(tmp_path, jobs):
    data = write_small_set(tmp_path / 'small.npz')
    out = tmp_path / 'out'
    started = subprocess.Popen(
        command('benchmark.py', data, '--methods', 'random', 'CCA',
                '--labels', '4/class', '--draws', 400, '--budget', 2,
                '--jobs', jobs, '--out', out),
        env=environment(), stderr=subprocess.PIPE, text=True,
        start_new_session=True, preexec_fn=listen_to_ctrl_c)
    records = out / 'records.jsonl'
    end = time.monotonic() + 250
    # The file is there a moment before its first line.
    while not (records.exists() and records.stat().st_size) and (
            time.monotonic() < end):
        time.sleep(.05)
    # To all its processes, as a terminal sends it.
    os.killpg(started.pid, signal.SIGINT)
    _, err = started.communicate(timeout=250)
    assert started.returncode == 130, err
    assert 'Traceback' not in err
    assert err.splitlines()[-1] == (
        'benchmark.py: interrupted. What was measured is kept; the same '
        'command goes on')
    assert records.read_text().count('\n') > 0


def test_ctrl_c_while_a_tool_is_imported_ends_it_too(tmp_path):
    # Half of a short command's time goes into imports.
    done = subprocess.run(
        [sys.executable, '-c', 'import sys\n'
         'class Pressed:\n'
         '    def find_spec(self, name, *_):\n'
         '        if name == "torch":\n'
         '            raise KeyboardInterrupt\n'
         'sys.meta_path.insert(0, Pressed())\n'
         f'sys.argv = ["score.py", {str(tmp_path / "none.npz")!r}]\n'
         'from chtn_plugin.cli.score import main\nmain()'],
        env=environment(), capture_output=True, text=True)
    assert done.returncode == 130, done.stderr
    assert 'Traceback' not in done.stderr
