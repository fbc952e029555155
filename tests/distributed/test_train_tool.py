"""tools/train.py itself, in processes of its own."""
import contextlib
import io
import json
import runpy
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from ranks import on_ranks
from short_run import ROOT, write_config
from test_two_ranks import weights
from tiny_run import run_tool

PRETTY_TEXT = Config.pretty_text
# Dropout draws by rank.
GLOBAL = """
model['image_pathway']['dropout'] = 0.
custom_hooks = _base_.custom_hooks + [dict(type='GlobalBatchNormHook')]
"""


def train(config, folder, world, *options):
    """Exit status, standard output and error of each rank."""
    def share(rank):
        Config.pretty_text = PRETTY_TEXT
        return run_tool('train', config, '--work-dir', folder, *options,
                        *(('--launcher', 'pytorch') if world > 1 else ()))
    return on_ranks(world, share, f'{folder}_out', connect=False)


@pytest.fixture(scope='module')
def one_process(tmp_path_factory):
    folder = tmp_path_factory.mktemp('one')
    (status, _, err), = train(
        write_config(folder, GLOBAL), folder / 'run', 1, '--auto-scale-lr',
        '--cfg-options', 'train_cfg.max_iters=4')
    assert status == 0, err
    return folder / 'run'


def halves(config, folder):
    """Two ranks with half the batch each."""
    results = train(config, folder, 2, '--auto-scale-lr', '--cfg-options',
                    'train_cfg.max_iters=4', 'train_dataloader.batch_size=4')
    assert [status for status, _, _ in results] == [0, 0], results
    return folder


def rates(folder):
    log, = folder.glob('*/vis_data/scalars.json')
    rows = map(json.loads, log.read_text().splitlines())
    return [row['lr'] for row in rows if 'lr' in row]


def statistics(folder):
    return {name: value for name, value in weights(folder)[
        'state_dict'].items() if 'running' in name}


def gloo_threads():
    return [name for name in (path.read_text() for path in Path(
        '/proc/self/task').glob('*/comm')) if 'gloo' in name]


@pytest.mark.skipif(not Path('/proc/self/task').exists(),
                    reason='lists threads as Linux does')
@pytest.mark.parametrize('tool', ['train', 'test'])
def test_no_thread_of_gloo_outlives_the_tool(one_process, tmp_path, tool):
    # It would abort a process that ends while the thread frees tensors.
    config = write_config(tmp_path)
    given = [one_process] if tool == 'test' else [
        '--cfg-options', 'train_cfg.max_iters=2']

    def share(rank):
        Config.pretty_text = PRETTY_TEXT
        done = run_tool(tool, config, *given, '--work-dir', tmp_path / 'run',
                        '--launcher', 'pytorch')
        return done, gloo_threads()
    for (status, _, err), threads in on_ranks(2, share, tmp_path / 'out',
                                              connect=False):
        assert status == 0, err
        assert threads == []


@pytest.mark.slow
def test_two_halves_are_one_batch_in_rate_statistics_and_weights(
        one_process, tmp_path):
    run = halves(write_config(tmp_path, GLOBAL), tmp_path / 'run')
    # 0.05 times (4 x 2 ranks) / 64, before the schedule lowers it.
    assert rates(run)[0] == pytest.approx(0.05 / 8)
    assert rates(run) == pytest.approx(rates(one_process))
    assert len(statistics(run)) >= 6
    one, two = (weights(folder)['state_dict'] for folder in
                (one_process, run))
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=1e-4, atol=1e-6,
                                   msg=name)


@pytest.mark.slow
def test_without_the_hook_each_rank_normalises_its_own_half(
        one_process, tmp_path):
    more = GLOBAL.replace(" + [dict(type='GlobalBatchNormHook')]", '')
    own = statistics(halves(write_config(tmp_path, more), tmp_path / 'run'))
    assert any((value - own[name]).abs().max() > 1e-3
               for name, value in statistics(one_process).items())


@pytest.mark.slow
def test_a_run_of_another_configuration_stays_as_it_was(
        one_process, tmp_path):
    config = write_config(tmp_path, GLOBAL + """
model['image_pathway']['widths'] = (9, 8)
""")
    before = {path: path.read_bytes() for path in one_process.glob('*.pth')}
    (status, _, err), = train(config, one_process, 1)
    assert status == 1 and 'holds the checkpoints of a run' in err
    results = on_ranks(1, lambda rank: _fails(config, one_process),
                       tmp_path / 'out', connect=False)
    told, refused = results[0]
    assert 'the run in it had another configuration' in told
    assert 'model.image_pathway.widths.0: 8 -> 9' in told
    assert 'a checkpoint must have the shapes of the model' in refused
    assert {path: path.read_bytes() for path in
            one_process.glob('*.pth')} == before


def _fails(config, folder):
    Config.pretty_text = PRETTY_TEXT
    sys.argv = ['train.py', str(config), '--work-dir', str(folder),
                '--resume']
    out = io.StringIO()
    with contextlib.redirect_stdout(out), pytest.raises(
            SystemExit) as refusal:
        runpy.run_path(str(ROOT / 'tools/train.py'), run_name='__main__')
    return out.getvalue(), str(refusal.value)


def test_a_work_directory_that_cannot_be_made_ends_with_a_line(tmp_path):
    # Not even root makes folders there.
    (status, _, err), = on_ranks(1, lambda rank: run_tool(
        'train', write_config(tmp_path), '--work-dir', '/proc/run'),
        tmp_path / 'out', connect=False)
    assert status == 1
    assert err.splitlines()[-1].startswith(
        'train.py: the work directory must be writable: /proc/run')
