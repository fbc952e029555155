import itertools
import os

import pytest
from mmengine.config import Config
from mmengine.evaluator import BaseMetric
from mmengine.registry import METRICS
from mmengine.runner import Runner
from short_run import write_config

from chtn_plugin.engine.hooks import SafeCheckpointHook
from chtn_plugin.engine.hooks.resuming.atomic_backend import (
    AtomicBackend,
    write_atomically,
)

# Each of a run's ten records of the configuration takes a second of CPU time.
pytestmark = pytest.mark.usefixtures('quick_checkpoints')


def test_a_file_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / 'file'
    path.write_bytes(b'old')
    write_atomically(str(path), b'new')
    assert path.read_bytes() == b'new'
    assert os.listdir(tmp_path) == ['file']


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / 'file'
    path.write_bytes(b'old')

    def full(descriptor):
        raise OSError(28, 'No space left on device')
    monkeypatch.setattr(os, 'fsync', full)
    with pytest.raises(OSError, match='file could not be written: No space '
                                      r'left .*0.0 MB needed, [\d.]+ MB free'):
        AtomicBackend().put(b'new', str(path))
    assert path.read_bytes() == b'old'
    assert os.listdir(tmp_path) == ['file']


def test_a_misspelt_option_is_refused():
    # MMEngine's hook takes any and passes it on at the first save.
    with pytest.raises(TypeError, match='intervall'):
        SafeCheckpointHook(intervall=3)


NUMBERS = itertools.count()


def runner(folder, save_best='retrieval/mean_mAP', evaluator=None):
    """A Runner with the default hooks."""
    cfg = Config.fromfile(write_config(folder))
    cfg.work_dir, cfg.launcher = str(folder / 'run'), 'none'
    cfg.experiment_name = f'alone{next(NUMBERS)}'
    cfg.log_level = 'ERROR'
    cfg.train_cfg.update(max_iters=4, val_interval=2)
    cfg.default_hooks.checkpoint.update(save_best=save_best, rule='greater')
    if evaluator:
        cfg.val_evaluator = cfg.test_evaluator = evaluator
    return Runner.from_cfg(cfg)


TWO = [dict(type='RetrievalMetric'),
       dict(type='RetrievalMetric', prefix='two', protocol='map-min@5')]


@pytest.mark.parametrize('calls, save_best, evaluator', [
    ('val', None, None), ('val val', 'retrieval/mean_mAP', None),
    ('test val', 'auto', TWO), ('test test', None, TWO),
    ('val train', ['retrieval/i2t_mAP', 'retrieval/t2i_mAP'], None),
    pytest.param('train val test', ['retrieval/i2t_mAP',
                                    'two/t2i_mAP[map-min@5]'], TWO,
                 marks=pytest.mark.slow)])
def test_every_order_of_training_and_testing_runs(tmp_path, calls, save_best,
                                                  evaluator):
    built = runner(tmp_path, save_best, evaluator)
    for name in calls.split():
        result = getattr(built, name)()
        assert name == 'train' or 'retrieval/mean_mAP' in result
    assert bool(list((tmp_path / 'run').glob('iter_*.pth'))) == (
        'train' in calls)
    if 'train' not in calls:
        assert not list((tmp_path / 'run').glob('best_*'))


def test_validation_after_training_leaves_its_best_alone(tmp_path):
    built = runner(tmp_path)
    built.train()
    files = {path: path.stat().st_mtime_ns
             for path in (tmp_path / 'run').glob('*.pth')}
    for value in built.model.parameters():
        value.data.zero_()
    built.val()
    assert files == {path: path.stat().st_mtime_ns
                     for path in (tmp_path / 'run').glob('*.pth')}


@pytest.mark.parametrize('save_best, hint', [
    ('retrieval/mean_map', "did you mean 'retrieval/mean_mAP'"),
    (['retrieval/i2t_mAP', 'two/mean_mAP'], "'two/mean_mAP'"),
    ('loss', 'there are retrieval/')])
def test_a_best_by_a_figure_that_none_gives_is_refused_at_the_start(
        tmp_path, save_best, hint):
    built = runner(tmp_path, save_best)
    with pytest.raises(ValueError, match='save_best must name a figure that '
                                         f'validation gives: .*{hint}'):
        built.train()
    assert built.iter == 0


def test_a_figure_that_only_the_data_turn_out_to_lack_is_refused(tmp_path):
    # Of a metric of the user's the keys are known once it has run.
    @METRICS.register_module(force=True)
    class Strange(BaseMetric):
        default_prefix = 'strange'

        def process(self, data_batch, data_samples):
            self.results.append(1)

        def compute_metrics(self, results):
            return dict(a=1.)
    built = runner(tmp_path, 'strange/b', [*TWO, dict(type='Strange')])
    with pytest.raises(ValueError, match="got 'strange/b'; did you mean "
                                         "'strange/a'"):
        built.train()
