"""What a checkpoint may hold, and which one is taken."""
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.logging import HistoryBuffer

from chtn_plugin.engine.checkpoints import (
    check_initial_weights,
    checkpoint_globals,
    checkpoints_in,
    find_checkpoint,
    load_checkpoint,
    newest_checkpoint,
    restrict_loading,
    sweep_parts,
    torn,
)


class _Calls:
    """A pickle that calls a function when it is read."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def _saved(path, content):
    torch.save(content, path)
    return path


def _read(path):
    with torch.serialization.safe_globals(checkpoint_globals()):
        return torch.load(path, weights_only=True)


def test_what_mmengine_saves_is_read(tmp_path):
    history = HistoryBuffer()
    history.update(0.5)
    read = _read(_saved(tmp_path / 'a.pth', dict(
        history=history, cfg=ConfigDict(a=dict(b=1)), array=np.arange(3),
        number=np.float64(0.25), whole=np.int64(7))))
    assert read['history'].current() == 0.5
    assert read['cfg'].a.b == 1
    assert read['array'].tolist() == [0, 1, 2]
    assert (read['number'], read['whole']) == (0.25, 7)


@pytest.mark.parametrize('call', [
    (os.getcwd, ), (eval, '1'), (getattr, str, 'format'),
    (getattr, HistoryBuffer, '__init__'), (__import__, 'os')],
    ids=lambda call: call[0].__name__)
def test_what_could_run_is_not(tmp_path, call):
    path = _saved(tmp_path / 'a.pth', _Calls(*call))
    with pytest.raises(Exception, match='(?i)global|weights only'):
        _read(path)


def test_the_rule_covers_the_process_and_can_be_lifted(monkeypatch):
    name = 'TORCH_FORCE_WEIGHTS_ONLY_LOAD'
    monkeypatch.setenv(name, '0')
    restrict_loading()
    assert os.environ[name] == '1'
    restrict_loading(trust=True)
    assert name not in os.environ


def test_types_stay_allowed_where_a_loader_forbids_its_own_again(
        monkeypatch):
    # As onedl-mmengine loads: types allowed around the load, then forbidden.
    from mmengine.runner import checkpoint
    monkeypatch.setattr(checkpoint, 'get_torch_safe_globals',
                        lambda: [HistoryBuffer, getattr], raising=False)
    monkeypatch.setenv('TORCH_FORCE_WEIGHTS_ONLY_LOAD', '0')
    restrict_loading()
    with torch.serialization.safe_globals(
            checkpoint.get_torch_safe_globals()):
        assert getattr not in torch.serialization.get_safe_globals()
    assert HistoryBuffer in torch.serialization.get_safe_globals()


def _three(folder):
    for name in ('iter_9', 'iter_10', 'best_score_iter_9'):
        _saved(folder / f'{name}.pth', dict(name=name))
    return folder


def test_newest_is_by_number_and_never_the_best(tmp_path):
    paths = checkpoints_in(str(_three(tmp_path)))
    assert [os.path.basename(path) for path in paths] == [
        'iter_10.pth', 'iter_9.pth']


def test_torn_file_is_passed_over_and_said(tmp_path):
    _three(tmp_path)
    whole = (tmp_path / 'iter_10.pth').read_bytes()
    (tmp_path / 'iter_10.pth').write_bytes(whole[:-40])
    assert torn(str(tmp_path / 'iter_10.pth'))
    assert torn(str(tmp_path / 'iter_9.pth')) is None
    said = []
    assert newest_checkpoint(str(tmp_path), said.append).endswith(
        'iter_9.pth')
    assert 'iter_10.pth is torn' in said[0]
    assert 'previous one' in said[0]


def test_all_torn_is_an_error_and_none_is_not(tmp_path):
    assert newest_checkpoint(str(tmp_path)) is None
    (tmp_path / 'iter_1.pth').write_bytes(b'PK')
    with pytest.raises(ValueError, match='all 1 in'):
        newest_checkpoint(str(tmp_path))


def test_a_folder_means_its_best_then_its_last(tmp_path):
    _three(tmp_path)
    said = []
    best = find_checkpoint(str(tmp_path), said.append)
    assert best.endswith('best_score_iter_9.pth')
    assert 'best on the validation split' in said[0]
    os.remove(best)
    assert find_checkpoint(str(tmp_path), said.append).endswith(
        'iter_10.pth')


def test_brackets_of_a_folder_are_no_pattern(tmp_path):
    folder = tmp_path / 'run[1]*'
    folder.mkdir()
    assert find_checkpoint(str(_three(folder)), list().append).startswith(
        str(folder))


@pytest.mark.parametrize('name', [
    'resnet_epoch_100.pth', 'my_iter_300.pth', 'iter_300.pth.bak',
    'epoch_100_ema.pth'])
def test_another_file_is_never_the_newest_checkpoint(tmp_path, name):
    _saved(tmp_path / name, {})
    assert newest_checkpoint(str(_three(tmp_path))).endswith('iter_10.pth')


@pytest.mark.parametrize('name', ['best_model_of_mine.pth', 'best_7.pth',
                                  'the_best_score_iter_70.pth'])
def test_another_file_is_never_the_best_checkpoint(tmp_path, name):
    _saved(tmp_path / name, {})
    assert find_checkpoint(str(_three(tmp_path)), list().append).endswith(
        'best_score_iter_9.pth')


def test_only_what_dead_runs_left_half_written_is_swept(tmp_path):
    dead = subprocess.Popen([sys.executable, '-c', ''])
    dead.wait()
    ours = [f'iter_4.pth.{dead.pid}.part', f'epoch_4.pth.{dead.pid}.part',
            f'best_x_iter_4.pth.{dead.pid}.part',
            f'last_checkpoint.{dead.pid}.part']
    others = ['film.mp4.part', 'model.part', f'iter_4.pth.{os.getpid()}.part',
              f'my_iter_4.pth.{dead.pid}.part', 'iter_4.pth.part']
    for name in ours + others:
        (tmp_path / name).touch()
    sweep_parts(str(tmp_path))
    assert sorted(os.listdir(tmp_path)) == sorted(others)


@pytest.mark.parametrize('content, message', [
    ([1], 'must be a dictionary: .* holds a list'),
    (dict(meta=[1]), "checkpoint's meta must be a dictionary"),
    (dict(meta=dict(chtn=7)), 'of format 1 or earlier'),
    (dict(meta=dict(chtn=dict(format=2))), 'a later chtn_plugin wrote it'),
    (dict(meta=dict(chtn=dict(format=True))), 'of format 1 or earlier'),
    (dict(state_dict=[1]), 'dictionary of tensors'),
    (dict(state_dict=dict(w=torch.tensor(float('nan')))),
     'must be finite numbers: w of')])
def test_a_checkpoint_of_another_shape_is_refused(tmp_path, content, message):
    path = _saved(tmp_path / 'a.pth', content)
    with pytest.raises(ValueError, match=message):
        load_checkpoint(str(path))


def test_a_checkpoint_without_meta_has_an_empty_one(tmp_path):
    assert load_checkpoint(str(_saved(tmp_path / 'a.pth', {})))['meta'] == {}


@pytest.mark.parametrize('cfg, key', [
    (dict(load_from='{}'), 'load_from: '),
    (dict(model=dict(backbone=dict(init_cfg=dict(
        type='Pretrained', checkpoint='{}')))),
     r'model\.backbone\.init_cfg\.checkpoint: '),
    (dict(model=dict(init_cfg=[dict(type='Pretrained', checkpoint='{}')])),
     r'model\.init_cfg\.0\.checkpoint: ')])
def test_a_file_to_start_from_is_looked_through_first(tmp_path, cfg, key):
    path = tmp_path / 'weights.pth'
    cfg = json.loads(json.dumps(cfg).replace('{}', str(path)))
    with pytest.raises(FileNotFoundError, match=key + 'checkpoint not found'):
        check_initial_weights(cfg)
    path.write_text('no weights')
    with pytest.raises(ValueError, match=key + '.* is no checkpoint'):
        check_initial_weights(cfg)
    _saved(path, dict(state_dict=dict(w=torch.ones(1))))
    check_initial_weights(cfg)


def test_an_address_to_start_from_is_left_to_mmengine():
    check_initial_weights(dict(load_from='torchvision://alexnet', model={}))
