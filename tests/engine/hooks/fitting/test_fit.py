"""Closed forms under the stock Runner."""
import pytest
import torch
from closed_forms import config
from mmengine.config import Config
from short_run import write_config

from chtn_plugin.engine.hooks.fitting.fit import FitHook, training_rows
from chtn_plugin.engine.launch import build_runner


def trained(folder, **options):
    runner = build_runner(config(folder, **options))
    runner.train()
    return runner


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp('fit')
    return folder, trained(folder)


def test_the_model_is_fitted_to_all_training_pairs_in_order(run):
    _, runner = run
    dataset = runner.train_dataloader.dataset.target
    model = type(runner.model)(
        dict(input_shape=(6, )), dict(type='VectorTextEncoder',
                                      out_features=5, norm=None), 3)
    model.fit(dataset.inputs['image'], dataset.inputs['text'], dataset.label)
    for name, value in model.state_dict().items():
        torch.testing.assert_close(runner.model.state_dict()[name], value)


def test_its_checkpoint_is_tested_like_any_other(run):
    folder, runner = run
    path, = (folder / 'run').glob('best_*.pth')
    tested = build_runner(config(folder, load_from=str(path)))
    figures = tested.test()
    assert figures['retrieval/mean_mAP'] > .4
    runner.model.eval()
    image = torch.randn(3, 6)
    assert torch.equal(tested.model.encode_image(image).repr,
                       runner.model.encode_image(image).repr)


def test_a_resumed_run_keeps_what_was_fitted(run, monkeypatch):
    folder, _ = run
    path, = (folder / 'run').glob('iter_1.pth')
    monkeypatch.setattr('chtn_plugin.engine.hooks.fitting.fit.training_rows',
                        lambda *_: pytest.fail('fitted once more'))
    cfg = config(folder, load_from=str(path), resume=True)
    cfg.train_cfg.max_iters = 2
    runner = build_runner(cfg)
    runner.train()
    assert len(runner.model.fitted)


def test_an_unfitted_checkpoint_is_told_before_it_is_used(run):
    folder, _ = run
    with pytest.raises(ValueError, match='must be fitted before'):
        build_runner(config(folder)).test()


def test_other_methods_are_left_alone(tmp_path):
    cfg = Config.fromfile(write_config(tmp_path))
    cfg.work_dir, cfg.launcher = str(tmp_path / 'run'), 'none'
    cfg.train_cfg.max_iters, cfg.log_level = 1, 'ERROR'
    build_runner(cfg).train()
    assert any(isinstance(hook, dict) and hook['type'] == 'FitHook'
               for hook in cfg.custom_hooks)


def test_batches_may_be_of_any_size(run):
    _, runner = run
    dataset = runner.train_dataloader.dataset.target
    for size in (1, 7, 1000):
        image, text, label = training_rows(runner.model, dataset, size)
        assert torch.equal(image, dataset.inputs['image'])
        assert torch.equal(label, dataset.label)


def test_a_batch_of_nothing_is_refused():
    with pytest.raises(ValueError, match='batch_size must be at least 1'):
        FitHook(0)


def test_pairs_without_class_are_fitted_to_like_all_others(tmp_path,
                                                           monkeypatch):
    cfg = config(tmp_path)
    target = cfg.train_dataloader.dataset.target
    target.update(fraction=.5, rest='unlabelled')
    cfg.train_dataloader.dataset.unlabelled = dict(target, only='unlabelled')
    target.only = 'labelled'
    seen = []
    runner = build_runner(cfg)
    loader = runner.build_dataloader(cfg.train_dataloader)
    monkeypatch.setattr(type(runner), 'train_dataloader', loader)
    monkeypatch.setattr(runner.model, 'fit',
                        lambda *rows: seen.extend(rows), raising=False)
    FitHook().before_train(runner)
    image, text, label = seen
    parts = loader.dataset
    assert len(image) == len(text) == len(parts.target) + len(
        parts.unlabelled)
    assert (label[:len(parts.target)] >= 0).all()
    assert (label[len(parts.target):] == -1).all()
