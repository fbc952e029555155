"""Errors as one line where the input is at fault, and not the code."""
from __future__ import annotations

import textwrap

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from short_run import write_config
from tiny_run import run_tool

from chtn_plugin._errors import (
    is_library,
    message_of,
    plain_build,
    plain_interrupt,
    plain_refusals,
)
from chtn_plugin.losses.pairwise import pairwise_distance


def test_what_the_plugin_refuses_is_a_line():
    with pytest.raises(SystemExit, match='^train.py: image and text must'):
        with plain_refusals('train.py'):
            pairwise_distance(torch.ones(2, 3), torch.ones(2, 4))


def test_errors_from_elsewhere_keep_their_traceback():
    with pytest.raises(ValueError, match='of a module of the user'):
        with plain_refusals('train.py'):
            raise ValueError('of a module of the user')


def test_a_full_disk_anywhere_is_a_line_with_the_free_space(tmp_path):
    with pytest.raises(SystemExit, match=(
            r'^train.py: log.json could not be written: No space left .*\('
            r'[\d.]+ MB free in .*\); the last checkpoint is whole')):
        with plain_refusals('train.py', str(tmp_path)):
            raise OSError(28, 'No space left on device', 'log.json')


def test_an_interrupt_says_how_to_go_on(capsys):
    with pytest.raises(SystemExit) as stop:
        with plain_interrupt('train.py', 'The same with --resume'):
            raise KeyboardInterrupt
    assert stop.value.code == 130
    assert capsys.readouterr().err == (
        '\ntrain.py: interrupted. The same with --resume\n')


def test_torch_is_a_library_and_this_test_is_none():
    assert is_library(torch.__file__)
    assert is_library(textwrap.__file__)
    assert not is_library(__file__)


def test_an_error_of_a_users_part_keeps_its_traceback():
    @HOOKS.register_module(force=True)
    class MineHook(Hook):
        def __init__(self):
            raise TypeError('a fault in a module of the user')
    with pytest.raises(TypeError, match='module of the user'):
        with plain_build('train.py'):
            MineHook()


@pytest.fixture(scope='module')
def train(tmp_path_factory):
    """Run tools/train.py on a configuration with lines or options more."""
    def call(more='', *options):
        folder = tmp_path_factory.mktemp('errors')
        config = write_config(folder, more)
        return run_tool('train', config, '--work-dir', folder / 'run',
                        *(('--cfg-options', *options) if options else ()))
    return call


def last_line(result):
    status, _, err = result
    assert status == 1
    assert 'Traceback' not in err
    return err.strip().splitlines()[-1]


@pytest.mark.parametrize('more, message', [
    ('a = b\n', "tiny.py:43: NameError: name 'b' is not defined"),
    ('a = 1 / 0\n', 'tiny.py:43: ZeroDivisionError: division by zero'),
    ('a = (\n', "tiny.py:43: '(' was never closed"),
    ("custom_imports = dict(imports=['no.such'])\n", 'no.such')])
def test_a_file_that_can_not_be_read_is_a_line(train, more, message):
    line = last_line(train(more))
    assert line.startswith('train.py: ')
    assert message in line


def test_files_that_name_one_another_as_base_are_a_line(tmp_path):
    for one, other in (('a.py', 'b.py'), ('b.py', 'a.py')):
        (tmp_path / one).write_text(f'_base_ = [{other!r}]\n')
    assert 'must not name one another in a circle' in last_line(
        run_tool('train', tmp_path / 'a.py'))


def test_yaml_that_is_none_is_a_line(tmp_path):
    (tmp_path / 'a.yaml').write_text('a: [1, 2\nb: }')
    assert 'can not be read' in last_line(
        run_tool('train', tmp_path / 'a.yaml'))


@pytest.mark.parametrize('option, message', [
    ('model.type=Nothing', 'Nothing is not in the registries'),
    ('optim_wrapper.optimizer.type=Nothing', 'Nothing is not in the'),
    ('train_dataloader.dataset.type=Nothing', 'Nothing is not in the'),
    ('model.num_classes=x', ''),
    ('model.mmd=7', ''),
    ('optim_wrapper.optimizer.lr=fast', 'must be a finite number of 0 or '
                                        "more, got 'fast'"),
    ('default_hooks.checkpoint.save_best=7', ''),
    ('train_cfg=7', 'train_cfg must be a dictionary, got 7'),
    ('model=7', 'model must be a dictionary, got 7'),
    ('train_dataloader=x', "must be a dictionary, got 'x'"),
    ('val_evaluator=x', ''),
    ('param_scheduler.type=Nothing', 'Nothing'),
    ('visualizer.vis_backends.0.type=Nothing', '')])
def test_a_value_of_the_wrong_kind_is_a_line(train, option, message):
    assert message in last_line(train('', option, 'train_cfg.max_iters=1')
                                if option != 'train_cfg=7'
                                else train('', option))


def test_a_fault_in_a_module_of_the_user_keeps_its_traceback(
        train, tmp_path, monkeypatch):
    (tmp_path / 'faulty_module.py').write_text('a = b\n')
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(NameError):
        train("custom_imports = dict(imports=['faulty_module'])\n")


def test_a_type_whose_package_can_not_be_imported_says_why(tmp_path,
                                                           monkeypatch):
    (tmp_path / 'towers').mkdir()
    (tmp_path / 'towers/__init__.py').write_text('')
    (tmp_path / 'towers/utils.py').write_text('import not_installed')
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(KeyError) as caught:
        HOOKS.build(dict(type='towers.Tower'))
    assert message_of(caught.value) == (
        'towers.Tower can not be had: importing towers fails '
        "(ModuleNotFoundError: No module named 'not_installed')")


def test_a_type_that_its_package_lacks_is_said_to_be_missing():
    with pytest.raises(KeyError) as caught:
        HOOKS.build(dict(type='mmpretrain.Nowhere'))
    assert message_of(caught.value).startswith(
        'mmpretrain.Nowhere is not in the')
