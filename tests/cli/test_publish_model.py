"""tools/publish_model.py as a user runs it."""
import hashlib

import pytest
import torch
import yaml
from tiny_run import run_tool, write_run

from chtn_plugin.apis import RetrievalInferencer, open_run
from chtn_plugin.evaluation import (
    load_embeddings,
    make_results,
    score_embeddings,
    write_results,
)


@pytest.fixture(scope='module')
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp('publish')
    write_run(folder)
    run_tool('extract_features', folder / 'run', '--out', folder / 'e.npz')
    scores = score_embeddings(load_embeddings(folder / 'e.npz'),
                              ['chtn-map-all'])
    write_results(folder / 'results.json', make_results(scores))
    status, said, err = run_tool(
        'publish_model', folder / 'run', '--out', folder / 'out', '--name',
        'tiny', '--data', 'twelve squares', '--licence', 'CC0-1.0',
        '--results', folder / 'results.json')
    assert status == 0, err
    return folder


def test_name_holds_the_hash_of_the_file(tiny):
    path, = (tiny / 'out' / 'tiny').glob('*.pth')
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert path.name == f'tiny-{digest[:8]}.pth'
    assert digest in (tiny / 'out' / 'tiny' / 'README.md').read_text()


def test_published_file_answers_alike(tiny):
    path, = (tiny / 'out' / 'tiny').glob('*.pth')
    published = RetrievalInferencer(path, show_progress=False)
    run = RetrievalInferencer(tiny / 'run', show_progress=False)
    assert published.run.fingerprint == run.run.fingerprint
    assert (published.encode_texts('cat') == run.encode_texts('cat')).all()


def test_nothing_but_weights_and_description(tiny):
    path, = (tiny / 'out' / 'tiny').glob('*.pth')
    stored = torch.load(path, weights_only=True)
    assert set(stored) == {'meta', 'state_dict'}
    assert 'optimizer' not in stored


def test_card_tells_data_protocol_figures_and_licence(tiny):
    card = (tiny / 'out' / 'tiny' / 'README.md').read_text()
    for text in ('twelve squares', 'CC0-1.0', '`chtn-map-all`', '| i2t |',
                 'bird, cat', 'seed 0'):
        assert text in card


def test_metafile_reads_as_openmmlab_does(tiny):
    from mmengine.infer import BaseInferencer
    model, = BaseInferencer._get_models_from_metafile(
        str(tiny / 'out' / 'tiny'))
    assert model['Name'] == 'tiny'
    assert (tiny / 'out' / 'tiny' / model['Weights']).is_file()
    metrics = model['Results'][0]['Metrics']
    assert 0 < metrics['mean chtn-map-all'] <= 1
    text = (tiny / 'out' / 'tiny' / 'metafile.yml').read_text()
    assert yaml.safe_load(text)['Collections'][0]['Name'] == 'CHTN'


def test_weights_that_are_not_finite_are_refused(tiny, tmp_path):
    path, = (tiny / 'run').glob('*.pth')
    checkpoint = torch.load(path, weights_only=False)
    next(iter(checkpoint['state_dict'].values())).fill_(float('nan'))
    torch.save(checkpoint, tmp_path / 'nan.pth')
    status, _, err = run_tool('publish_model', tmp_path / 'nan.pth', '--out',
                              tmp_path / 'out', '--data', 'd', '--licence',
                              'l')
    assert status == 1
    assert 'must be finite' in err


def test_hidden_name_is_refused(tiny, tmp_path):
    status, _, err = run_tool('publish_model', tiny / 'run', '--out',
                              tmp_path, '--data', 'd', '--licence', 'l',
                              '--name', '../up')
    assert status == 1
    assert 'plain file name' in err


def test_published_file_needs_no_trust(tiny):
    path, = (tiny / 'out' / 'tiny').glob('*.pth')
    assert open_run(path).classes == ('bird', 'cat')


def test_configuration_lies_beside_the_weights(tiny):
    from mmengine.config import Config
    folder = tiny / 'out' / 'tiny'
    model = yaml.safe_load((folder / 'metafile.yml').read_text())
    cfg = Config.fromfile(folder / model['Models'][0]['Config'])
    assert cfg.model.type == 'CHTN'


def _publish(tiny, out, name):
    return run_tool('publish_model', tiny / 'run', '--out', out, '--name',
                    name, '--data', 'd', '--licence', 'l')


def test_each_model_has_a_folder_of_its_own(tiny, tmp_path):
    (tmp_path / 'README.md').write_text('mine')
    for name in ('one', 'two', 'one'):
        status, said, err = _publish(tiny, tmp_path, name)
        assert status == 0, err
        assert f'{tmp_path / name}' in said
    assert (tmp_path / 'README.md').read_text() == 'mine'
    for name in ('one', 'two'):
        card = (tmp_path / name / 'README.md').read_text()
        assert card.startswith('---\nlicense: ')
        assert f'\n---\n\n# {name}\n' in card


@pytest.mark.parametrize('files', [
    {'README.md': 'mine'},
    {'README.md': 'mine', 'metafile.yml': 'Models:\n- Name: another\n'},
    {'README.md': 'mine', 'metafile.yml': '[no'}])
def test_files_of_something_else_are_not_replaced(tiny, tmp_path, files):
    (tmp_path / 'one').mkdir()
    for name, text in files.items():
        (tmp_path / 'one' / name).write_text(text)
    status, _, err = _publish(tiny, tmp_path, 'one')
    assert status == 1
    assert 'a folder of its own' in err and 'README.md' in err
    assert {path.name: path.read_text() for path in
            (tmp_path / 'one').iterdir()} == files


def test_the_folder_opens_without_anything_pickled(tiny):
    folder = tiny / 'out' / 'tiny'
    published = RetrievalInferencer(folder, show_progress=False)
    assert published.run.path.name == 'model.safetensors'
    run = RetrievalInferencer(tiny / 'run', show_progress=False)
    assert (published.encode_texts('cat') == run.encode_texts('cat')).all()


def test_without_results_the_card_takes_those_of_the_runs_own_test(
        tiny, tmp_path):
    import json
    import shutil
    shutil.copytree(tiny / 'run', tmp_path / 'run')
    checkpoint, = (tmp_path / 'run').glob('best_*.pth')
    results = json.loads((tiny / 'results.json').read_text())
    value = results['figures'][0]['value']
    for tested, found in ((str(checkpoint), True), ('other.pth', False)):
        results['meta']['checkpoint'] = tested
        (tmp_path / 'run/results.json').write_text(json.dumps(results))
        status, _, err = run_tool(
            'publish_model', tmp_path / 'run', '--out', tmp_path / 'out',
            '--name', 'tiny', '--data', 'd', '--licence', 'l')
        assert status == 0, err
        card = (tmp_path / 'out/tiny/README.md').read_text()
        assert (f'| {value:.4f} |' in card) is found
