import os

import numpy as np
import pytest
import torch
from mmengine.config import Config
from short_run import run, write_config
from tiny_run import run_tool

from chtn_plugin.engine.checkpoints import restrict_loading
from chtn_plugin.engine.resume import choose_resume, differences
from chtn_plugin.engine.work_dir import work_dir_lock


@pytest.fixture
def cfg(tmp_path):
    return Config.fromfile(write_config(tmp_path))


def test_overwriting_deletes_once_the_new_run_starts(tmp_path):
    config, folder = write_config(tmp_path), tmp_path / 'run'
    folder.mkdir()
    old = [folder / name for name in ('iter_500.pth', 'best_x_iter_500.pth',
                                      'last_checkpoint')]
    for path in old:
        path.touch()
    # The model and the data do not fit: found after both are built.
    status, _, err = run_tool(
        'train', config, '--work-dir', folder, '--overwrite',
        '--cfg-options', 'model.num_classes=4', 'train_cfg.max_iters=2')
    assert status == 1
    assert err.splitlines()[-1].startswith('train.py: num_classes must match')
    assert 'Traceback' not in err
    assert all(path.exists() for path in old)
    status, _, err = run_tool('train', config, '--work-dir', folder,
                              '--overwrite', '--cfg-options',
                              'train_cfg.max_iters=2')
    assert status == 0, err
    assert [path.exists() for path in old] == [False, False, True]
    assert 'iter_2.pth' in old[2].read_text()


def test_without_a_checkpoint_hook_it_need_not_validate(tmp_path):
    config = write_config(tmp_path, "default_hooks['checkpoint'] = None\n")
    status, _, err = run_tool(
        'train', config, '--work-dir', tmp_path / 'run', '--no-validate',
        '--cfg-options', 'train_cfg.max_iters=2')
    assert status == 0, err


def test_weights_alone_are_no_run_to_resume(tmp_path):
    path = tmp_path / 'iter_1.pth'
    torch.save(dict(state_dict={}), path)
    with pytest.raises(ValueError, match='whole state'):
        choose_resume(str(tmp_path), str(path))


def test_auto_resume_of_nothing_starts_at_the_beginning(tmp_path):
    told = []
    assert choose_resume(str(tmp_path), 'auto', tell=told.append) is None
    assert 'at the beginning' in told[0]


def test_a_program_in_the_meta_information_is_not_run(tmp_path):
    # MMEngine's Runner.resume runs meta['config'] as Python.
    path = tmp_path / 'iter_1.pth'
    torch.save(dict(optimizer={}, meta=dict(
        iter=1, epoch=0, config='raise SystemExit')), path)
    with pytest.raises(ValueError, match='no program'):
        choose_resume(str(tmp_path), str(path))


def test_a_later_format_is_refused(tmp_path):
    path = tmp_path / 'iter_1.pth'
    torch.save(dict(optimizer={}, meta=dict(iter=1, chtn=dict(format=99))),
               path)
    with pytest.raises(ValueError, match='format'):
        choose_resume(str(tmp_path), str(path))


def test_differences_name_the_key_and_both_values(cfg):
    old = Config(cfg.to_dict())
    cfg.model.mmd.num_kernels = 5
    cfg.work_dir = 'elsewhere'
    assert differences(old.pretty_text, cfg) == [
        'model.mmd.num_kernels: - -> 5']


def test_restricted_loading_refuses_programs(tmp_path, monkeypatch):
    monkeypatch.setenv('TORCH_FORCE_WEIGHTS_ONLY_LOAD', '0')

    class Program:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / 'ran'), )
    path = tmp_path / 'iter_1.pth'
    torch.save(dict(x=Program()), path)
    restrict_loading()
    with pytest.raises(ValueError, match='mkdir.*--trust-checkpoint'):
        choose_resume(str(tmp_path), str(path))
    assert not (tmp_path / 'ran').exists()
    restrict_loading(trust=True)
    with pytest.raises(ValueError, match='whole state'):
        choose_resume(str(tmp_path), str(path))
    assert (tmp_path / 'ran').exists()


def test_the_tool_ends_with_a_line_not_a_traceback(tmp_path):
    done = run('train.py', tmp_path / 'no.py', check=False)
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1] == (
        f'train.py: configuration not found: {tmp_path}/no.py')
    assert 'Traceback' not in done.stderr


def test_data_that_are_missing_are_a_line_too(tmp_path):
    config = write_config(tmp_path)
    (tmp_path / 'source.npz').unlink()
    done = run('train.py', config, '--work-dir', tmp_path / 'run',
               check=False)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith('train.py: ') and 'source.npz' in last
    assert 'Traceback' not in done.stderr


def test_a_second_training_in_one_work_directory_is_refused(tmp_path):
    config, folder = write_config(tmp_path), tmp_path / 'run'
    with work_dir_lock(str(folder)):
        for options in ((), ('--resume', ), ('--overwrite', )):
            status, _, err = run_tool('train', config, '--work-dir', folder,
                                      *options)
            assert status == 1
            assert err.splitlines()[-1].startswith(
                'train.py: a work directory has one training at a time: '
                f'{folder} is in use by process {os.getpid()} on ')
            assert 'Traceback' not in err
    assert sorted(os.listdir(folder)) == ['.lock', '.lock.json']
    status, _, err = run_tool('train', config, '--work-dir', folder,
                              '--cfg-options', 'train_cfg.max_iters=2')
    assert status == 0, err


@pytest.mark.parametrize('what, place, message', [
    ('iter', 10 ** 12, 'is of iter 1000000000000, and train_cfg.max_iters '
                       'is 12'),
    ('iter', -1, 'a whole number: iter of .* is -1'),
    ('iter', 1.5, 'a whole number: iter of .* is 1.5'),
    ('epoch', 'x', "a whole number: epoch of .* is 'x'")])
def test_a_place_that_is_none_in_the_schedule_is_refused(cfg, tmp_path, what,
                                                         place, message):
    path = tmp_path / 'iter_1.pth'
    torch.save(dict(optimizer={}, meta={'iter': 1, 'epoch': 0, what: place}),
               path)
    with pytest.raises(ValueError, match=message):
        choose_resume(str(tmp_path), str(path), cfg=cfg)


def test_differences_of_a_program_are_shown_as_they_stand(cfg):
    text = f"import os\n{cfg.pretty_text}\nwork_dir = os.getcwd()\n"
    text = text.replace('batch_size=8', "batch_size=int('9')")
    assert differences(text, cfg) == [
        "train_dataloader.batch_size: int('9') -> 8"]


def test_a_negative_seed_is_refused(tmp_path):
    status, _, err = run_tool('train', write_config(tmp_path), '--work-dir',
                              tmp_path / 'run', '--seed', '-1')
    assert status == 1
    assert err.splitlines()[-1] == (
        'train.py: randomness.seed must be None or a whole number from 0 to '
        '4294967295, got -1')


def test_one_class_alone_is_refused(tmp_path):
    config = write_config(tmp_path)
    with np.load(tmp_path / 'pairs.npz') as file:
        arrays = dict(file)
    for name in ('label', 'label_te'):
        arrays[name] = arrays[name] * 0
    np.savez(tmp_path / 'pairs.npz', **arrays)
    status, _, err = run_tool(
        'train', config, '--work-dir', tmp_path / 'run', '--cfg-options',
        'model.num_classes=1')
    assert status == 1
    assert 'must have two classes at least' in err.splitlines()[-1]
