"""The wheel alone, outside the checkout: it trains and searches."""
from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_the_wheel_alone_trains_and_searches(tmp_path):
    def run(*command):
        done = subprocess.run(
            [sys.executable, *map(str, command)], cwd=tmp_path, text=True,
            capture_output=True, env={
                **os.environ, 'PYTHONPATH': str(tmp_path / 'site'),
                'OMP_NUM_THREADS': '1'})
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
        return done.stdout

    # Of a copy: building leaves folders behind.
    files = subprocess.run(['git', '-C', ROOT, 'ls-files', '-z', '--cached',
                            '--others', '--exclude-standard'],
                           capture_output=True, text=True)
    if files.returncode:
        pytest.skip('builds from the files that git knows')
    for name in filter(None, files.stdout.split('\0')):
        if (ROOT / name).is_file() and not name.startswith('tests/'):
            target = tmp_path / 'source' / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((ROOT / name).read_bytes())
    run('-m', 'pip', 'wheel', '-q', '--no-deps', '--no-build-isolation',
        '-w', 'dist', './source')
    (wheel, ) = (tmp_path / 'dist').glob('*.whl')
    names = zipfile.ZipFile(wheel).namelist()
    assert 'chtn_plugin/.mim/configs/_base_/default_runtime.py' in names
    assert {'chtn_plugin/.mim/tools/train.py', 'chtn_plugin/py.typed'} <= (
        set(names))
    run('-m', 'pip', 'install', '-q', '--no-deps', '--target', 'site', wheel)
    chtn = tmp_path / 'site' / 'bin' / 'chtn'
    assert 'make-manifest' in run(chtn, '--help')
    assert 'best retrieval/mean_mAP' in run(
        chtn, 'train', 'chtn_plugin::chtn_demo.py', '--cfg-options',
        'train_cfg.max_iters=3', 'train_cfg.val_interval=3',
        'default_hooks.checkpoint.interval=3')
    found = run(chtn, 'search', 'work_dirs/chtn_demo', '--gallery',
                'data/glyphs/pairs.tsv', '--text', 'greek small letter')
    assert 'data/glyphs/images' in found
