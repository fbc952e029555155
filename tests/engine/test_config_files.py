"""Both forms of configurations are read alike; mixtures are refused."""
from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from short_run import write_config
from tiny_run import run_tool

from chtn_plugin.apis import open_run
from chtn_plugin.engine.config_files import part_of, read_config_file

ROOT = Path(__file__).parents[2]
_BASES = '''from mmengine.config import read_base
with read_base():
    from .{base} import *
'''


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(ROOT / 'configs/_base_', tmp_path / '_base_')
    for name in ('chtn_demo.py', 'chtn_demo_lazy.py'):
        shutil.copy(ROOT / 'configs' / name, tmp_path)
    return tmp_path


def lazy_twin(tmp_path, **replaced):
    """The short run's configuration with classes in place of names."""
    text = write_config(tmp_path).read_text()
    base, _, body = text.partition('\n')[2].partition('\n')
    shutil.copy(ROOT / 'configs/_base_/default_runtime.py',
                tmp_path / 'runtime.py')
    body = body.replace("type='CHTN'", 'type=CHTN').replace(
        "type='MMDLoss'", 'type=MMDLoss').replace(
        "type='RetrievalMetric'", 'type=RetrievalMetric')
    body = body.replace('default_hooks = dict(', 'default_hooks.update(')
    body = body.replace('logger=dict(interval=1)',
                        "logger=dict(type='LoggerHook', interval=1)")
    body = body.replace(
        'checkpoint=dict(', "checkpoint=dict(type='SafeCheckpointHook', "
        "by_epoch=False, save_best='retrieval/mean_mAP', rule='greater', ")
    path = tmp_path / 'lazy.py'
    path.write_text(_BASES.format(base='runtime')
                    + 'from chtn_plugin.models import CHTN\n'
                    'from chtn_plugin.losses import MMDLoss\n'
                    'from chtn_plugin.evaluation import RetrievalMetric\n'
                    + body)
    return path


def test_the_shipped_example_is_the_demo_key_by_key():
    demo, lazy = (read_config_file(f'chtn_plugin::{name}') for name in (
        'chtn_demo.py', 'chtn_demo_lazy.py'))
    assert lazy.pretty_text == demo.pretty_text


@pytest.mark.parametrize('leaf, message', [
    (_BASES.format(base='chtn_demo'), r'leaf\.py is in the pure Python form '
     r'\(read_base\), .*chtn_demo\.py in the old form \(_base_\)'),
    ("_base_ = ['chtn_demo_lazy.py']\n", r'leaf\.py is in the old form '
     r'\(_base_\), .*chtn_demo_lazy\.py in the pure Python form'),
    ("_base_ = ['chtn_demo.py']\nfrom chtn_plugin.methods import CHTN\n"
     'model = dict(type=CHTN)\n', r"names classes as text, as type='CHTN', "
     'and got the class CHTN'),
    # Not a class of Python's own: onedl-mmengine imports those for good.
    (_BASES.format(base='_base_.default_runtime') + 'from chtn_plugin.losses '
     "import MMDLoss\nloss = str(MMDLoss())\n",
     r'leaf\.py:5: .*cannot be called'),
    (_BASES.format(base='chtn_demo_lazy') + 'from chtn_plugin.losses import '
     'Loss\nmodel.update(type=Loss)\n', 'Failed to import Loss from '
     'chtn_plugin.losses'),
    (_BASES.format(base='gone'), 'gone.py not found')])
def test_mixed_and_broken_forms_get_a_line(folder, leaf, message):
    path = folder / 'leaf.py'
    path.write_text(leaf)
    with pytest.raises(ValueError, match=message) as error:
        read_config_file(str(path))
    assert '\n' not in str(error.value)


@pytest.mark.slow
def test_a_run_of_the_new_form_is_used_like_any_other(tmp_path):
    config, run = lazy_twin(tmp_path), tmp_path / 'run'
    for command in (
            ('train', config, '--work-dir', run, '--cfg-options',
             'train_cfg.max_iters=4'),
            ('train', config, '--work-dir', run, '--resume'),
            ('test', config, run, '--out', tmp_path / 'test.npz'),
            ('report', run, '--embeddings', tmp_path / 'test.npz',
             '--no-tsne'),
            ('export_onnx', run, '--out', tmp_path / 'onnx'),
            ('publish_model', run, '--out', tmp_path / 'out', '--data', 'd',
             '--licence', 'none', '--results', run / 'results.json')):
        status, out, err = run_tool(*command)
        assert status == 0, f'{command[0]}: {out[-500:]}{err[-2000:]}'
    assert 'CHTN' in (tmp_path / 'out/run/README.md').read_text()


def test_a_run_of_the_new_form_by_mmengine_alone_opens(tmp_path):
    # As `mim train` and users' own scripts run it.
    from mmengine.config import Config
    from mmengine.runner import Runner
    cfg = Config.fromfile(str(lazy_twin(tmp_path)))
    cfg.work_dir = str(tmp_path / 'run')
    cfg.train_cfg.update(max_iters=4)
    Runner.from_cfg(cfg).train()
    stored = torch.load(next((tmp_path / 'run').glob('best_*.pth')),
                        weights_only=False)['meta']['cfg']
    assert 'chtn_plugin.models.CHTN' in stored
    run = open_run(tmp_path / 'run')
    assert run.cfg['model']['type'] == 'CHTN'
    assert run.build_model().num_classes == 3


def test_a_configuration_of_the_package_is_read_by_name():
    cfg = read_config_file('chtn_plugin::chtn_demo.py')
    assert cfg.model.type == 'CHTN'


@pytest.mark.parametrize('bases', [
    dict(a="'a.py'"), dict(a="'b.py'", b="['a.py']"),
    dict(a="['c.py', 'b.py']", b="('a.py',)", c='[]')])
def test_files_in_a_circle_are_named(tmp_path, bases):
    for name, value in bases.items():
        (tmp_path / f'{name}.py').write_text(f'_base_ = {value}\n')
    with pytest.raises(ValueError, match=r'a circle: a.py -> (b.py -> )?a.py'):
        read_config_file(str(tmp_path / 'a.py'))


def test_one_base_by_two_ways_is_no_circle(tmp_path):
    for name, text in dict(a="_base_ = ['b.py', 'c.py']\n",
                           b="_base_ = 'd.py'\nb = 1\n", c='c = 1\n',
                           d='d = 1\n').items():
        (tmp_path / f'{name}.py').write_text(text)
    assert read_config_file(str(tmp_path / 'a.py')).d == 1


def test_the_line_at_fault_is_named(tmp_path):
    path = tmp_path / 'a.py'
    path.write_text('a = 1\nb = c\n')
    with pytest.raises(ValueError, match=r'a.py:2: NameError: name .c.'):
        read_config_file(str(path))


@pytest.mark.parametrize('value, shown', [(7, '7'), (None, 'none')])
def test_a_part_must_be_a_dictionary(value, shown):
    with pytest.raises(ValueError, match=f'a.py has {shown}'):
        part_of(Config(dict(model=value)), 'model', 'a.py')
