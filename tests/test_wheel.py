"""The wheel alone, outside the checkout: it trains and searches."""
from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

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
    assert {'chtn_plugin/.mim/tools/train.py', 'chtn_plugin/py.typed',
            'chtn_plugin/.mim/model-index.yml',
            'chtn_plugin/.mim/configs/metafile.yml'} <= set(names)
    run('-m', 'pip', 'install', '-q', '--no-deps', '--target', 'site', wheel)
    chtn = tmp_path / 'site' / 'bin' / 'chtn'
    assert 'make-manifest' in run(chtn, '--help')
    shown = run(chtn, 'demo', '--iterations', '3')
    assert 'best retrieval/mean_mAP' in shown
    assert 'To test it: chtn test chtn_plugin::chtn_demo.py' in shown
    assert '  chtn report work_dirs/chtn_demo' in shown
    assert 'data/glyphs/images' in shown
    assert 'tools/' not in shown
    assert 'chtn train chtn_plugin::chtn_demo.py' in run(chtn, 'train',
                                                          '--help')
    _own_folder(tmp_path / 'mine')
    told = run(chtn, 'make-manifest', 'mine', '--images', 'scratch',
               '--texts', 'words')
    assert '  chtn train own_mine.py' in told
    run(chtn, 'train', 'own_mine.py', '--cfg-options',
        'train_cfg.max_iters=2', 'train_cfg.val_interval=2')
    assert 'mine/' in run(chtn, 'search', 'work_dirs/own_mine', '--gallery',
                          'mine/manifest.tsv', '--text', 'a red thing')


def _own_folder(folder):
    """Sixty pictures of two classes with a caption each."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    rows = ['image,text,label']
    for k in range(60):
        kind, name = ('red', f'{k}.png') if k % 2 else ('blue', f'{k}.png')
        pixels = rng.integers(0, 90, (24, 24, 3), np.uint8)
        pixels[..., 0 if k % 2 else 2] += 150
        Image.fromarray(pixels).save(folder / name)
        rows.append(f'{name},a {kind} thing number {k} of many,{kind}')
    (folder / 'captions.csv').write_text('\n'.join(rows))
