"""What docs/own_method.md shows trains, is searched, exported, published."""
from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from mmengine.registry import MODELS
from tiny_run import run_tool

ROOT = Path(__file__).resolve().parents[1]
METHOD, CONFIG, CHECK = re.findall(
    r'```python\n(.*?)```', (ROOT / 'docs/own_method.md').read_text('utf-8'),
    re.DOTALL)


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    """The page's files, and the run of two iterations that they give."""
    folder = tmp_path_factory.mktemp('own')
    (folder / 'my_method.py').write_text(METHOD)
    (folder / 'my_method_wiki.py').write_text(
        CONFIG.replace("'configs/", f"'{ROOT}/configs/"))
    draw = np.random.default_rng(0)
    np.savez(folder / 'wiki.npz', **{
        f'{kind}_{split}': draw.normal(size=(count, size))
        for split, count in (('tr', 60), ('te', 20))
        for kind, size in (('I', 128), ('T', 100))},
        y_tr=np.arange(60) % 10, y_te=np.arange(20) % 10)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        patch.chdir(folder)
        status, said, err = run_tool(
            'train', 'my_method_wiki.py', '--work-dir', folder / 'run',
            '--cfg-options', 'train_cfg.max_iters=2',
            'train_cfg.val_interval=1', *(
                f'{name}_dataloader.dataset.file={folder / "wiki.npz"}'
                for name in ('train', 'val', 'test')))
        assert status == 0, err + said
        yield folder
    MODELS.module_dict.pop('TwoMaps', None)
    sys.modules.pop('my_method', None)


def test_the_page_shows_what_it_says_it_shows():
    assert len(METHOD.splitlines()) <= 50


def test_the_project_is_the_page():
    project = ROOT / 'projects' / 'two_maps'
    assert (project / 'my_method.py').read_text('utf-8') == METHOD
    assert (project / 'my_method_wiki.py').read_text('utf-8') == (
        CONFIG.replace("'configs/", "'../../configs/"))


def test_it_is_tested(run):
    status, said, err = run_tool(
        'test', run / 'my_method_wiki.py', run / 'run', '--cfg-options',
        f'test_dataloader.dataset.file={run / "wiki.npz"}')
    assert status == 0, err
    assert 'protocol chtn-map-all' in said


def test_it_is_searched(run):
    out = run / 'e.npz'
    status, _, err = run_tool('extract_features', run / 'run', '--out', out)
    assert status == 0, err
    from chtn_plugin.apis import RetrievalInferencer
    model = RetrievalInferencer(run / 'run', show_progress=False)
    model.index(out)
    found = model.search(text=np.ones(100, np.float32), topk=3)
    assert [hit.kind for hit in found.hits] == ['image'] * 3


def test_its_own_layer_can_be_taken(run):
    status, _, err = run_tool('extract_features', run / 'run', '--tap',
                              'common', '--out', run / 'common.npz')
    assert status == 0, err
    assert np.load(run / 'common.npz')['image'].shape == (20, 64)


def test_it_is_exported(run):
    pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')
    status, _, err = run_tool('export_onnx', run / 'run', '--out',
                              run / 'towers')
    assert status == 0, err


def test_it_is_published_under_its_own_paper(run):
    status, _, err = run_tool(
        'publish_model', run / 'run', '--out', run / 'models', '--data',
        'noise', '--licence', 'CC0-1.0', '--name', 'two-maps')
    assert status == 0, err
    card = (run / 'models' / 'two-maps' / 'README.md').read_text('utf-8')
    assert '[TwoMaps](https://example.org/two-maps)' in card
    assert 'CHTN' not in card and '1706.00153' not in card


def test_it_is_counted(run):
    status, said, err = run_tool('analysis_tools/get_flops',
                                 run / 'my_method_wiki.py')
    assert status == 0, err
    # 128 x 64 + 64 of the image's map, 64 x 10 + 10 of the classifier.
    assert 'image' in said and '0.009 M' in said


def test_the_check_on_the_page_passes(run):
    space: dict = {}
    exec(CHECK.replace(
        "norm=None)))", "norm=None)), ranks=1)"), space)  # ranks: slow
    space['test_two_maps_keeps_the_contract']()
