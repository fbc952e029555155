"""The command line of tools/check_data.py."""
from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

TOOL = Path(__file__).parents[2] / 'tools' / 'check_data.py'


def run(*args):
    return subprocess.run([sys.executable, TOOL, *map(str, args)],
                          capture_output=True, text=True)


def test_status_tells_errors_from_warnings(tmp_path):
    rows = ['id\tsplit\tclass\ttext']
    rows += [f'{split}{i}\t{split}\tclass{i % 2}\tsome words number {i} of '
             f'{split}' for split in ('train', 'val', 'test')
             for i in range(12)]
    path = tmp_path / 'pairs.tsv'
    path.write_text('\n'.join([*rows, 'x\ttrain\tclass0\tlonely']))
    result = run(path, '--json', tmp_path / 'found.json')
    assert result.returncode == 0
    assert '37 rows (train 13, val 12, test 12)' in result.stdout
    assert 'warning      1  texts of one word' in result.stdout
    assert json.loads((tmp_path / 'found.json').read_text())[0][
        'level'] == 'warning'
    assert run(path, '--strict').returncode == 1
    assert run(tmp_path / 'no.tsv').returncode == 2
