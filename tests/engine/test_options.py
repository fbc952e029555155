"""Keys that nothing reads, in a file and on the command line."""
import pytest
from mmengine.config import Config
from short_run import ROOT, write_config

from chtn_plugin.engine.options import check_config, check_options


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


@pytest.mark.parametrize('key, value, hint', [
    ('model.type', 'CHTM', "did you mean 'CHTN'"),
    ('optim_wrapper.optimizer.type', 'SGDD', "did you mean 'SGD'"),
    ('val_evaluator.type', 'RetrievalMetrik', "'RetrievalMetric'"),
    ('default_hooks.checkpoint.type', 'Qqqqqq', 'custom_imports')])
def test_a_type_that_no_registry_holds_is_refused(key, value, hint):
    cfg = Config.fromfile(ROOT / 'configs/chtn_demo.py')
    cfg.merge_from_dict({key: value})
    with pytest.raises(KeyError, match=f'{key}: {value} is not in the '
                                       f'registries; .*{hint}'):
        check_config(cfg)
