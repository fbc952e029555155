"""Checkpoints of every format there has been go on and are understood."""
import numpy as np
import pytest
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from stored_checkpoints import ITERATION, LAST, STORED, stored_config

from chtn_plugin.apis import RetrievalInferencer, open_run
from chtn_plugin.engine.checkpoints import (
    FORMAT,
    check_format,
    load_checkpoint,
    restrict_loading,
)
from chtn_plugin.engine.resume import choose_resume

formats = pytest.mark.parametrize('version', STORED)
# What the stored weights answer to 0, 1/3, 2/3, ….
ANSWERS = {0: ((0.353385, 0.313472, 0.333143), (0.441453, 0.282744, 0.275803)),
           1: ((0.313242, 0.357196, 0.329563), (0.447281, 0.270177, 0.282543))}


class _Record(Hook):
    """Keeps the state that training begins with, and its iterations."""

    def __init__(self):
        self.iterations = []

    def before_train(self, runner):
        self.weights = {name: value.clone() for name, value in
                        runner.model.state_dict().items()}
        self.momenta = len(runner.optim_wrapper.optimizer.state)

    def after_train_iter(self, runner, batch_idx, **other):
        self.iterations.append(runner.iter)


@formats
def test_stored_checkpoint_says_its_format(version):
    assert check_format(load_checkpoint(str(STORED[version]))['meta']
                        ) == version


@formats
def test_stored_checkpoint_answers_as_it_did(version):
    model = RetrievalInferencer(STORED[version], 'cpu', show_progress=False)
    image, text = ANSWERS[version]
    assert model.class_probabilities(images=np.arange(6) / 3)[
        0].tolist() == pytest.approx(image, abs=1e-5)
    assert model.class_probabilities(texts=[np.arange(5) / 3])[
        0].tolist() == pytest.approx(text, abs=1e-5)


@formats
def test_stored_checkpoint_is_resumed(version, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('TORCH_FORCE_WEIGHTS_ONLY_LOAD', '1')
    restrict_loading()
    cfg = stored_config(tmp_path)
    said = []
    cfg.load_from = choose_resume('run', str(STORED[version]),
                                  tell=said.append, cfg=cfg)
    assert f'iteration {ITERATION}' in ' '.join(said)
    cfg.resume = True
    record = _Record()
    runner = Runner.from_cfg(cfg)
    runner.register_hook(record)
    runner.train()
    assert record.iterations == list(range(ITERATION, LAST))
    assert record.momenta > 0
    stored = load_checkpoint(str(STORED[version]))
    assert record.weights.keys() == stored['state_dict'].keys()
    for name, value in stored['state_dict'].items():
        assert torch.equal(record.weights[name], value), name


@pytest.mark.parametrize('later', [FORMAT + 1, 'two'])
def test_later_format_is_refused_in_words(later, tmp_path):
    checkpoint = load_checkpoint(str(STORED[FORMAT]))
    checkpoint['meta']['chtn']['format'] = later
    path = tmp_path / 'iter_6.pth'
    torch.save(checkpoint, path)
    said = f'of format {FORMAT} or earlier: .*iter_6.pth has {later}; a later'
    with pytest.raises(ValueError, match=said):
        open_run(path)
    with pytest.raises(ValueError, match=said):
        choose_resume(str(tmp_path), 'auto', tell=[].append)
