"""The one command ``chtn``, whose sub-commands are the tools."""
from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from chtn_plugin.cli.main import commands, completion, main

ROOT = Path(__file__).parents[2]


def test_every_tool_is_a_command_with_a_line_of_its_own():
    tools = {path.stem.replace('_', '-')
             for path in (ROOT / 'tools').rglob('*.py')}
    assert set(commands()) == tools
    assert all(line.endswith('.') for line in commands().values())


def test_help_lists_the_commands_and_loads_nothing_heavy():
    done = subprocess.run(
        [sys.executable, '-c', 'import sys\n'
         'from chtn_plugin.cli.main import main\n'
         'try:\n    main(["--help"])\n'
         'except SystemExit:\n'
         '    print({"torch", "mmengine"} & set(sys.modules))'],
        capture_output=True, text=True)
    assert '\n  make-manifest' in done.stdout
    assert done.stdout.splitlines()[-1] == 'set()'


def test_a_command_gets_its_options_and_its_name(monkeypatch, capsys):
    monkeypatch.setattr(sys, 'argv', ['chtn'])
    with pytest.raises(SystemExit) as stop:
        main(['train', '--help'])
    assert stop.value.code == 0
    assert capsys.readouterr().out.startswith('usage: chtn train ')


def test_a_command_returns_its_status(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(sys, 'argv', ['chtn'])
    assert main(['make-manifest', str(tmp_path / 'gone'), '--no-config']) == 1
    assert 'error: ' in capsys.readouterr().err


def test_an_unknown_command_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(['nonsense'])
    assert "got 'nonsense'" in capsys.readouterr().err


def test_bash_completes_commands():
    done = subprocess.run(
        ['bash', '-c', completion(['train', 'test'], 'bash') + '\n'
         'COMP_CWORD=1; _chtn chtn tr; echo "${COMPREPLY[@]}"'],
        capture_output=True, text=True)
    assert done.stdout == 'train\n'


def test_version_is_the_packages(capsys):
    from chtn_plugin import __version__
    assert main(['--version']) == 0
    assert capsys.readouterr().out == f'chtn-plugin {__version__}\n'
