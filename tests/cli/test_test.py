import json
import re

import numpy as np
import pytest
import torch
from mmengine.config import Config
from short_run import run, write_config
from tiny_run import run_tool, write_run

from chtn_plugin.engine.checkpoints import find_checkpoint, torn
from chtn_plugin.engine.figures import describe_figures, retrieval_metric_of


def save(path, **content):
    torch.save(dict(state_dict=dict(x=torch.ones(100)), **content), path)


def test_a_work_directory_means_its_best_checkpoint(tmp_path):
    for name in ('iter_20', 'best_retrieval_mean_mAP_iter_10',
                 'best_retrieval_mean_mAP_iter_9'):
        save(tmp_path / f'{name}.pth')
    told = []
    chosen = find_checkpoint(str(tmp_path), told.append)
    assert chosen.endswith('mAP_iter_10.pth')
    assert len(told) == 1 and 'best' in told[0]


def test_without_a_best_one_the_last_by_number_is_taken(tmp_path):
    for number in (8, 9, 10):
        save(tmp_path / f'iter_{number}.pth')
    assert find_checkpoint(str(tmp_path)).endswith('iter_10.pth')


@pytest.mark.parametrize('cut', [0, 1, 100, -1, -100])
def test_a_torn_file_is_never_taken(tmp_path, cut):
    save(tmp_path / 'iter_1.pth')
    whole = (tmp_path / 'iter_1.pth').read_bytes()
    (tmp_path / 'iter_2.pth').write_bytes(whole[:cut])
    assert torn(str(tmp_path / 'iter_2.pth'))
    told = []
    assert find_checkpoint(str(tmp_path), told.append).endswith('iter_1.pth')
    assert 'iter_2.pth is torn' in told[0] and 'iter_1.pth' in told[0]


def test_a_changed_weight_is_noticed(tmp_path):
    save(tmp_path / 'iter_1.pth')
    content = bytearray((tmp_path / 'iter_1.pth').read_bytes())
    place = content.index(np.ones(4, np.float32).tobytes())
    content[place] ^= 1
    (tmp_path / 'iter_1.pth').write_bytes(content)
    with pytest.raises(ValueError, match='all 1 in .* are torn'):
        find_checkpoint(str(tmp_path))


def test_an_empty_directory_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match='no checkpoint found'):
        find_checkpoint(str(tmp_path))


def test_figures_are_given_with_protocol_split_and_chance():
    cfg = Config(dict(test_evaluator=[dict(type='RetrievalMetric')]))

    class Data(list):
        metainfo = dict(split='test')
    text = describe_figures(cfg, Data([1, 2]), {
        'retrieval/i2t_mAP': 0.5, 'retrieval/i2t_chance': 0.25})
    assert text.splitlines()[0] == (
        'protocol chtn-map-all, split test, 2 items')
    assert re.search(r'image to text +i2t_mAP +0.5000 \(chance 0.2500\)', text)


def test_figures_name_the_similarity_that_was_used():
    text = describe_figures(Config(dict()), [1], {}, 'chtn-map-all:dot')
    assert text.startswith('protocol chtn-map-all:dot, ')


def test_an_evaluator_without_retrieval_metric_is_refused():
    with pytest.raises(KeyError, match='RetrievalMetric'):
        retrieval_metric_of(Config(dict(test_evaluator=dict(type='Other'))))


@pytest.mark.slow
def test_train_in_mixed_precision_then_test_a_work_directory(tmp_path):
    config = write_config(tmp_path)
    done = run('train.py', config, '--work-dir', tmp_path / 'run', '--amp',
               '--cfg-options', 'train_cfg.max_iters=4')
    assert done.stdout.splitlines()[-1] == (
        f'To test it: python tools/test.py {config} {tmp_path}/run')
    out = tmp_path / 'embeddings.npz'
    done = run('test.py', config, tmp_path / 'run', '--out', out, '--amp',
               '--work-dir', tmp_path / 'test')
    assert 'best_retrieval_mean_mAP_iter_4.pth, the best' in done.stdout
    assert 'protocol chtn-map-all, split test, 20 items' in done.stdout
    with np.load(out, allow_pickle=False) as arrays:
        assert len(arrays['image']) == 20


@pytest.fixture(scope='module')
def two_runs(tmp_path_factory):
    """A configuration, and the checkpoints of two runs of it."""
    folder = tmp_path_factory.mktemp('two')
    config = write_config(folder, f'work_dir = {str(folder / "own")!r}\n')
    for name in ('own', 'other'):
        status, _, err = run_tool(
            'train', config, '--work-dir', folder / name, '--cfg-options',
            'train_cfg.max_iters=2', 'train_cfg.val_interval=2')
        assert status == 0, err
    return config, folder


def test_results_go_beside_the_checkpoint_that_was_tested(two_runs):
    config, folder = two_runs
    before = {path: path.stat().st_mtime_ns
              for path in (folder / 'own').rglob('*')}
    status, out, err = run_tool('test', config, folder / 'other')
    assert status == 0, err
    assert f'{folder / "other" / "results.json"}; tools/compare.py' in out
    meta = json.loads((folder / 'other/results.json').read_text())['meta']
    assert meta['checkpoint'].startswith(str(folder / 'other'))
    assert before == {path: path.stat().st_mtime_ns
                      for path in (folder / 'own').rglob('*')}


@pytest.mark.parametrize('name', ['results.json', 'mine.npz'])
def test_a_file_of_the_users_is_not_replaced_by_figures(two_runs, tmp_path,
                                                        name):
    config, folder = two_runs
    (tmp_path / name).write_text('{"mine": 1}')
    status, _, err = run_tool('test', config, folder / 'own', '--work-dir',
                              tmp_path, '--out', tmp_path / 'mine.npz')
    assert status == 1
    assert f'{name} is another' in err.splitlines()[-1]
    assert (tmp_path / name).read_text() == '{"mine": 1}'


def test_figures_alone_and_a_picture_are_written_where_asked(tmp_path):
    write_run(tmp_path)
    config = tmp_path / 'cfg.py'
    run_, = (tmp_path / 'run').glob('best_*.pth')
    config.write_text(torch.load(run_, weights_only=False)['meta']['cfg']
                      + '\nval_dataloader = None\ntest_cfg = dict()\n'
                      "test_evaluator = dict(type='RetrievalMetric')\n")
    out = tmp_path / 'figures.json'
    command = ('test', config, run_, '--work-dir', tmp_path / 'tested',
               '--out', out, '--out-item', 'metrics', '--show-dir',
               tmp_path / 'shown', '--no-pin-memory')
    figures = {}
    for options in ((), ('--tta', )):
        status, said, err = run_tool(*command, *options)
        assert status == 0, err
        stored = json.loads(out.read_text())
        figures[options] = stored['metrics']['retrieval/mean_mAP']
        assert 0 < figures[options] <= 1
    assert (tmp_path / 'shown/retrieval_test.png').is_file()
    meta = json.loads((tmp_path / 'tested/results.json').read_text())['meta']
    assert meta['tta'] is True and len(meta['data_hash']) == 16
    assert meta['versions']['torch'] == torch.__version__
    (tmp_path / 'mine.json').write_text('{}')
    status, _, err = run_tool(*command[:6], tmp_path / 'mine.json',
                              *command[7:])
    assert status == 1 and 'mine.json' in err


def test_figures_need_a_json_file(tmp_path):
    status, _, err = run_tool('test', 'a.py', 'b.pth', '--out', 'a.npz',
                              '--out-item', 'metrics')
    assert status == 2 and 'goes with --out FILE.json, got a.npz' in err


def test_tta_of_ready_features_is_a_line(tmp_path):
    config = write_config(tmp_path)
    run('train.py', config, '--work-dir', tmp_path / 'run', '--cfg-options',
        'train_cfg.max_iters=4')
    status, _, err = run_tool('test', config, tmp_path / 'run', '--tta')
    assert status == 1
    assert err.splitlines()[-1].startswith('test.py: mirror images need')


def test_a_tta_model_is_refused(tmp_path):
    config = write_config(tmp_path, "tta_model = dict(type='A')\n")
    status, _, err = run_tool('test', config, tmp_path / 'gone')
    assert status == 1
    assert 'tta_model: nothing reads this key' in err
