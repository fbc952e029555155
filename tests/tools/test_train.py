import os

import pytest
import torch
from mmengine.config import Config
from short_run import ROOT, run, write_config
from tiny_run import run_tool

from chtn_plugin.apis.checkpoints import restrict_loading
from chtn_plugin.apis.launch import claim_work_dir
from chtn_plugin.apis.options import check_config, check_options
from chtn_plugin.apis.precision import use_mixed_precision
from chtn_plugin.apis.resume import choose_resume, differences


@pytest.fixture
def cfg(tmp_path):
    return Config.fromfile(write_config(tmp_path))


@pytest.mark.parametrize('key, hint', [
    ('model.mmd.nun_kernels', 'num_kernels'),
    ('optim_wrapper.optimizer.momntum', 'momentum'),
    ('train_cfg.max_iter', 'max_iters'),
    ('train_dataloader.batch_sise', 'batch_size'),
    ('train_dataloader.sampler.shufle', 'shuffle'),
    ('modle.num_classes', 'model'),
    ('randomness.sead', 'seed'),
    ('default_hooks.checkpoint.intervall', 'interval'),
])
def test_a_misspelt_override_is_refused_with_the_right_name(cfg, key, hint):
    with pytest.raises(KeyError, match=f'did you mean {hint!r}'):
        check_options(cfg, {key: 1})


@pytest.mark.parametrize('line, message', [
    ("model['pair']['weight'] = 2", "model.pair.weight: there is no 'weight' "
     "here; did you mean 'loss_weight'"),
    ("train_dataloader['dataset']['target']['splitt'] = 'x'",
     "train_dataloader.dataset.target.splitt: .*'split'"),
    ("default_hooks['checkpoint']['intervall'] = 5", "'interval'"),
    ("optim_wrapper['paramwise_cfg'] = dict(bias_lr_mul=2.)",
     "paramwise_cfg.bias_lr_mul: .*'bias_lr_mult'"),
    ("train_cfg['max_iter'] = 5", "train_cfg.max_iter: .*'max_iters'"),
    ("param_schedulers = []", "param_schedulers: nothing reads this key; did "
     "you mean 'param_scheduler'"),
    ("load_form = 'nowhere.pth'", "did you mean 'load_from'"),
])
def test_a_misspelt_key_of_the_file_is_refused(tmp_path, line, message):
    cfg = Config.fromfile(write_config(tmp_path, f'\n{line}\n'))
    with pytest.raises(KeyError, match=message):
        check_config(cfg)


def test_what_builders_take_out_is_no_misspelling(tmp_path):
    check_config(Config.fromfile(write_config(tmp_path, """
folder = 'a variable'
custom_hooks = [dict(type='EMAHook', momentum=0.1, priority='LOW')]
optim_wrapper['paramwise_cfg'] = dict(
    bias_lr_mult=2., custom_keys={'trunk': dict(lr_mult=0.)})
param_scheduler = [dict(type='LinearLR', start_factor=0.1, end=1,
                        convert_to_iter_based=True)]
model['init_cfg'] = dict(type='Constant', layer='Linear', val=0.,
                         override=dict(name='common_head', type='Xavier'))
""")))


@pytest.mark.parametrize('key', [
    'model.mmd.num_kernels', 'train_cfg.max_iters', 'custom_hooks.0.type',
    'optim_wrapper.accumulative_counts', 'randomness.seed', 'sync_bn',
    'train_dataloader.dataset.target.val_fraction', 'auto_scale_lr.enable',
])
def test_what_some_class_takes_may_be_overridden(cfg, key):
    check_options(cfg, {key: 1})


def test_a_variable_of_the_file_is_refused_with_the_keys_it_became():
    cfg = Config.fromfile(ROOT / 'configs/chtn_demo.py')
    with pytest.raises(KeyError, match='train_dataloader.dataset.target.'
                                       'data_root'):
        check_options(cfg, {'data_root': '/elsewhere'})


def test_a_list_item_beyond_the_end_is_refused(cfg):
    with pytest.raises(KeyError, match='is a list of'):
        check_options(cfg, {'custom_hooks.99.type': 1})


def test_a_finished_run_is_not_overwritten_unasked(tmp_path):
    (tmp_path / 'iter_5.pth').touch()
    (tmp_path / 'best_x_iter_5.pth').touch()
    with pytest.raises(ValueError, match='--resume.*--overwrite'):
        claim_work_dir(str(tmp_path), resume=False, overwrite=False)
    claim_work_dir(str(tmp_path), resume=True, overwrite=False)
    assert len(list(tmp_path.glob('*.pth'))) == 2
    claim_work_dir(str(tmp_path), resume=False, overwrite=True)
    assert len(list(tmp_path.glob('*.pth'))) == 2


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


@pytest.mark.skipif(os.geteuid() == 0, reason='root may write anywhere')
def test_an_unwritable_work_directory_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OSError, match='must be writable'):
        claim_work_dir(str(tmp_path), resume=False, overwrite=False)


def test_a_work_directory_that_is_a_file_is_refused(tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(OSError, match='must be writable'):
        claim_work_dir(str(tmp_path / 'file'), False, False)


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


def test_amp_on_a_cpu_is_bf16_and_fp16_is_refused(cfg, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    with pytest.raises(ValueError, match='bf16'):
        use_mixed_precision(cfg, 'fp16')
    use_mixed_precision(cfg)
    assert cfg.optim_wrapper.type == 'CPUAmpOptimWrapper'


def test_amp_on_a_gpu_scales_the_loss_in_fp16_only(cfg, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    use_mixed_precision(cfg, 'bf16')
    assert cfg.optim_wrapper.loss_scale == dict(enabled=False)
    use_mixed_precision(cfg, 'fp16')
    assert cfg.optim_wrapper.dtype == 'float16'


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
