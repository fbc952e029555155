"""What a user names to be written replaces no file of the user's."""
from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from short_run import write_config
from small_set import write_small_set
from tiny_run import run_tool, write_run

from chtn_plugin.apis import class_prior
from chtn_plugin.evaluation import Embeddings
from chtn_plugin.evaluation.trec import write_trec
from chtn_plugin.export.onnx_export import _building_folder, _written_files
from chtn_plugin.storage.ownership import TEMPORARY, WrittenFiles

MINE = 'mine, and nobody else\'s'
REFUSED = 'only files that this tool has written may be replaced'


@pytest.fixture(scope='module')
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp('own_files')
    write_run(folder)
    write_config(folder)
    write_small_set(folder / 'small.npz')
    torch.save({f'features.{k}.{what}': torch.ones(shape) for k, shape in (
        (0, (64, 3, 11, 11)), (3, (192, 64, 5, 5)), (6, (384, 192, 3, 3)),
        (8, (256, 384, 3, 3)), (10, (256, 256, 3, 3)))
        for what, shape in (('weight', shape), ('bias', shape[:1]))} | {
            f'classifier.{k}.{what}': torch.ones(shape) for k, shape in (
                (1, (16, 9216)), (4, (12, 16)), (6, (10, 12)))
            for what, shape in (('weight', shape), ('bias', shape[:1]))},
        folder / 'alexnet.pth')
    (folder / 'alexnet.py').write_text("""model = dict(
    type='CHTN', num_classes=2, num_source_classes=10,
    backbone=dict(type='AlexNetBN', layout='torchvision'),
    text_encoder=dict(type='VectorTextEncoder', out_features=3),
    image_pathway=dict(type='Pathway', widths=(16, 12)),
    common_head=dict(type='CommonHead', widths=(4, 4)))
""")
    (folder / 'log.json').write_text('{"loss": 1, "step": 1}\n'
                                     '{"loss": 2, "step": 2}\n')
    return folder


#: Tool, arguments that come before the file, the file, whether a second call
#: may replace what the first one wrote.
CASES = {
    'convert_weights': lambda here, out: (
        'convert_weights', ['torchvision', here / 'alexnet.pth',
                            out / 'start.pth', '--config',
                            here / 'alexnet.py'], out / 'start.pth', True),
    'analyze_logs': lambda here, out: (
        'analysis_tools/analyze_logs', [
            'plot_curve', here / 'log.json', '--out', out / 'curve.png'],
        out / 'curve.png', True),
    'analyze_logs as SVG': lambda here, out: (
        'analysis_tools/analyze_logs', [
            'plot_curve', here / 'log.json', '--out', out / 'curve.svg'],
        out / 'curve.svg', False),
    'browse_dataset': lambda here, out: (
        'browse_dataset', [here / 'tiny.py', '--output-dir', out],
        out / 'tiny_train.png', True),
    'print_config': lambda here, out: (
        'print_config', [here / 'tiny.py', '--save-path', out / 'all.py'],
        out / 'all.py', False),
    'publish_model': lambda here, out: (
        'publish_model', [here / 'run', '--out', out, '--name', 'one',
                          '--data', 'd', '--licence', 'l'],
        out / 'one/one.py', True),
    'suggest_labels': lambda here, out: (
        'suggest_labels', [here / 'tiny.py', '--out', out],
        out / 'suggestions.html', False),
    'transfer_report': lambda here, out: (
        'transfer_report', [here / 'tiny.py', '--labels', '4/class',
                            '--draws', 1, '--out', out],
        out / 'transfer.html', True),
    'benchmark': lambda here, out: (
        'benchmark', [here / 'small.npz', '--methods', 'random', '--labels',
                      '4/class', '--draws', 1, '--out', out],
        out / 'benchmark.html', True)}


@pytest.mark.parametrize('name', CASES)
def test_a_file_of_the_users_stays(made, tmp_path, name):
    tool, arguments, path, _ = CASES[name](made, tmp_path)
    path.parent.mkdir(exist_ok=True)
    path.write_text(MINE)
    status, _, err = run_tool(tool, *arguments)
    assert status == 1 and 'Traceback' not in err
    assert REFUSED in err or 'a folder of its own' in err
    assert path.read_text() == MINE
    assert not list(tmp_path.rglob(f'*{TEMPORARY}*'))


@pytest.mark.parametrize('name', CASES)
def test_what_the_tool_wrote_it_may_replace_where_it_knows_it(made, tmp_path,
                                                              name):
    tool, arguments, path, again = CASES[name](made, tmp_path)
    for expected in (0, 0 if again else 1):
        status, _, err = run_tool(tool, *arguments)
        assert status == expected, err
    assert path.stat().st_size
    assert not list(tmp_path.rglob(f'*{TEMPORARY}*'))


def test_a_prior_replaces_a_prior_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(class_prior, 'name_vectors',
                        lambda names, _: np.ones((len(names), 3)))
    path = tmp_path / 'prior.npz'
    for _ in range(2):
        class_prior.write_class_prior(path, np.eye(2), np.ones(2), 'ab', 'xy')
    np.savez(path, mine=1)
    with pytest.raises(ValueError, match=REFUSED):
        class_prior.write_class_prior(path, np.eye(2), np.ones(2), 'ab', 'xy')


@pytest.mark.parametrize('ending', ['run', 'qrels'])
def test_trec_files_replace_trec_files_of_ours_alone(tmp_path, ending):
    rows = np.eye(2)
    embeddings = Embeddings(rows, rows, [0, 1], [0, 1])
    for _ in range(2):
        write_trec(tmp_path, embeddings, 'i2t')
    (tmp_path / f'i2t.{ending}').write_text('301 Q0 FT911-3 1 9 mine\n')
    with pytest.raises(ValueError, match=REFUSED):
        write_trec(tmp_path, embeddings, 'i2t')


def test_an_export_knows_its_own_files_and_those_of_a_killed_one(tmp_path):
    (tmp_path / 'image.onnx').write_text(MINE)
    with pytest.raises(ValueError, match='image.onnx is another'):
        _written_files(tmp_path)
    (tmp_path / 'towers.json').write_text(json.dumps(dict(
        format=1, fingerprint='f')))
    assert 'image.onnx' in _written_files(tmp_path)
    (tmp_path / 'towers.json').unlink()
    (tmp_path / 'image.onnx').unlink()
    WrittenFiles(tmp_path).claim(['image.onnx'])
    (tmp_path / 'image.onnx').write_text('half of an export')
    assert 'image.onnx' in _written_files(tmp_path)


def test_what_a_killed_export_was_building_goes_with_the_next(tmp_path,
                                                              monkeypatch):
    with _building_folder(tmp_path) as first:
        (first / 'image.onnx').touch()
        with _building_folder(tmp_path):
            assert first.exists()  # its process lives
        monkeypatch.setattr('chtn_plugin.storage.ownership.process_lives',
                            lambda pid: False)
        with _building_folder(tmp_path) as second:
            assert not first.exists() and second.exists()
        first.mkdir()
    assert list(tmp_path.iterdir()) == []
