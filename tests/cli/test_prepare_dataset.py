"""The command line of tools/prepare_dataset.py."""
from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TOOL = Path(__file__).parents[2] / 'tools' / 'prepare_dataset.py'


def run(*args):
    return subprocess.run([sys.executable, TOOL, *map(str, args)],
                          capture_output=True, text=True)


def test_help_lists_every_set():
    result = run('--help')
    assert result.returncode == 0
    for name in ('wiki', 'pascal', 'nuswide10k', 'xmedia', 'imagenet',
                 'tiny-imagenet', 'features', 'pairs'):
        assert name in result.stdout


def test_error_is_one_line_and_status_1(tmp_path):
    result = run('wiki', '--source', tmp_path, '--out', tmp_path / 'out')
    assert result.returncode == 1
    assert result.stderr.startswith('error: trainset_txt_img_cat.list')
    assert 'Traceback' not in result.stderr
