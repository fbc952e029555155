"""Every tool answers --help without loading what it works with."""
from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = ('torch', 'torchvision', 'mmengine', 'mmcv', 'transformers', 'scipy',
         'matplotlib', 'PIL', 'cv2')
_RUN = """
import json, runpy, sys
path = sys.argv[1]
sys.argv = [path, '--help']
try:
    runpy.run_path(path, run_name='__main__')
except SystemExit as stop:
    status = stop.code
print(json.dumps([status, sorted(sys.modules)]), file=sys.stderr)
"""


@pytest.mark.parametrize('path', sorted(
    str(path.relative_to(ROOT)) for path in (ROOT / 'tools').rglob('*.py')))
def test_help_loads_nothing_heavy(path):
    done = subprocess.run([sys.executable, '-c', _RUN, ROOT / path],
                          capture_output=True, text=True)
    status, modules = json.loads(done.stderr)
    assert not status and done.stdout.startswith('usage: ')
    assert not set(HEAVY) & set(modules)


def test_every_tool_is_a_command_of_the_package():
    tools = {path.stem for path in (ROOT / 'tools').rglob('*.py')}
    commands = {path.stem for path in
                (ROOT / 'chtn_plugin/cli').glob('[a-z]*.py')}
    assert commands - tools == {'command', 'json_output', 'main'}
    assert tools <= commands
