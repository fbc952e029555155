"""tools/export_onnx.py as a user runs it, and the towers without torch."""
import json
import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import Compose
from PIL import Image
from tiny_run import run_tool, write_run
from tiny_towers import TEXT_TOWERS, in_folder, write_hf_folders

from chtn_plugin.apis import RetrievalInferencer
from chtn_plugin.apis.pictures import load_picture
from chtn_plugin.evaluation.exact_search import unit_rows
from chtn_plugin.export.onnx_runtime import Towers
from chtn_plugin.text.vocabulary import words_of

pytest.importorskip('onnx', reason='onnx is not installed')
pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')


@pytest.fixture(scope='module')
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp('onnx')
    write_run(folder)
    status, said, err = run_tool(
        'export_onnx', folder / 'run', '--out', folder / 'towers', '--source',
        folder / 'data' / 'pairs.tsv')
    assert status == 0, err
    assert 'rank agreement 100.00% over 12 pictures' in said
    assert ('from 12 picture files on: pixels differ by 0 levels on average, '
            'at most 0; representations by ') in said
    return folder


def test_towers_run_without_torch(tiny):
    program = '''
import json, sys
sys.modules['torch'] = sys.modules['chtn_plugin'] = None  # cannot be imported
from onnx_runtime import Towers
towers = Towers('.')
paths = sys.argv[1:]
print(json.dumps([[rows.tolist() for rows in towers.texts(
    ['cat word1', 'BIRD!', ''])], [rows.tolist() for rows in
    towers.images(paths)], towers.classes]))
'''
    paths = [str(tiny / 'data' / 'images' / f'{k}.png') for k in (1, 6)]
    done = subprocess.run([sys.executable, '-c', program, *paths],
                          cwd=tiny / 'towers', capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    texts, images, classes = json.loads(done.stdout)
    model = RetrievalInferencer(tiny / 'run', show_progress=False)
    assert classes == ['bird', 'cat']
    np.testing.assert_allclose(
        texts[0], model.encode_texts(['cat word1', 'BIRD!', '']), atol=1e-5)
    np.testing.assert_allclose(images[0], model.encode_images(paths),
                               atol=1e-5)
    np.testing.assert_allclose(np.sum(images[1], 1), 1, atol=1e-5)


def test_a_tower_of_one_size_of_batch_is_exported_picture_by_picture(
        tmp_path):
    # Traced, mmpretrain's Swin knows the batch it was traced with.
    run = write_run(tmp_path, model=dict(
        backbone=dict(type='mmpretrain.SwinTransformer', arch=dict(
            embed_dims=4, depths=[1], num_heads=[1]), img_size=8, patch_size=2,
            window_size=2, out_indices=(0, )), pooling='average'))
    status, said, err = run_tool(
        'export_onnx', run, '--out', tmp_path / 'towers', '--source',
        tmp_path / 'data' / 'pairs.tsv')
    assert status == 0, err
    assert 'rank agreement 100.00% over 12 pictures' in said
    inputs = json.loads((tmp_path / 'towers/towers.json').read_text())[
        'inputs']
    assert inputs['image']['image']['shape'] == [1, 3, 8, 8]
    assert inputs['text']['text']['shape'][0] == 'batch'


def test_difference_fails_the_export_and_writes_nothing(tiny, tmp_path):
    status, _, err = run_tool('export_onnx', tiny / 'run', '--out', tmp_path,
                              '--tolerance', '-1')
    assert status == 1
    assert 'must answer like PyTorch: the largest difference is' in err
    assert not list(tmp_path.iterdir())


def test_model_is_left_as_it_was(tiny, tmp_path):
    from chtn_plugin.export.onnx_export import export_towers
    model = RetrievalInferencer(tiny / 'run', show_progress=False)
    before = model.encode_texts('cat')
    export_towers(model, tmp_path, samples=4)
    assert not any(m.training for m in model.model.modules())
    assert (model.encode_texts('cat') == before).all()


@pytest.mark.parametrize('step', [
    dict(type='mmpretrain.ResizeEdge', scale=7, edge='short'),
    dict(type='ResizeShorterSide', size=5),
    dict(type='Resize', scale=(11, 7), keep_ratio=True),
    dict(type='Resize', scale=(7, 11)),
    dict(type='mmpretrain.CenterCrop', crop_size=4),
    dict(type='mmpretrain.CenterCrop', crop_size=6),
    dict(type='mmpretrain.CenterCrop', crop_size=(7, 4))])
def test_own_transforms_equal_the_pipeline(tmp_path, step):
    steps = [dict(type='LoadImageFromFile', imdecode_backend='cv2'), step]
    path = tmp_path / 'a.png'
    Image.fromarray(np.random.default_rng(0).integers(
        0, 256, (9, 13, 3), np.uint8)).save(path)
    assert _apart(steps, path) <= 1


def _apart(steps, path, picture=None):
    """Largest difference between both ways to load a picture."""
    here = _loader(steps).load(path if picture is None else picture)
    there = load_picture(path, Compose(steps)).to(torch.int).numpy()
    assert here.shape == there.shape
    return abs(here.astype(int) - there).max()


def _loader(steps):
    towers = object.__new__(Towers)
    towers.meta = dict(pipeline=steps)
    return towers


@pytest.mark.parametrize('min_side', [50, 51, 100, 101, 200, 201, None])
def test_jpeg_is_reduced_as_in_training(tmp_path, min_side):
    # Waves whose mean over a block and whose single pixels differ much.
    y, x = np.mgrid[:403, :601]
    waves = np.stack([127 + 120 * np.sin(x * y / 900), x % 256, y % 256], -1)
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / 'a.jpg'
    Image.fromarray(waves.astype(np.uint8)).save(
        path, quality=95, subsampling=0, exif=exif)
    steps = [dict(type='LoadRGBImage', min_side=min_side),
             dict(type='ResizeShorterSide', size=50)]
    assert _apart(steps, path) <= 2
    full = [dict(type='LoadRGBImage'), steps[1]]
    if min_side is not None and min_side <= 201:
        gap = abs(_loader(steps).load(path).astype(int)
                  - _loader(full).load(path))
        assert gap.max() > 20


@pytest.mark.parametrize('name', ['a.png', 'a.tiff', 'a.pgm'])
def test_grey_of_16_bits_keeps_the_upper_eight(tmp_path, name):
    grey = np.linspace(0, 65535, 80).astype(np.uint16).reshape(8, 10)
    assert cv2.imwrite(str(tmp_path / name), grey)
    steps = [dict(type='LoadRGBImage')]
    loaded = _loader(steps).load(tmp_path / name)
    np.testing.assert_array_equal(loaded, [grey >> 8] * 3)
    assert _apart(steps, tmp_path / name) == 0
    with Image.open(tmp_path / name) as picture:
        in_memory = load_picture(picture, Compose(steps))
    np.testing.assert_array_equal(in_memory, loaded)


@pytest.mark.parametrize('step, said', [
    (dict(type='Resize', scale=8, interpolation='bicubic'),
     "Resize with interpolation='bicubic' is not known"),
    (dict(type='Resize', scale_factor=0.5), 'Resize with scale_factor'),
    (dict(type='ResizeShorterSide', size=8, interpolation='area'), 'area'),
    (dict(type='CenterCrop', crop_size=8, auto_pad=True), 'auto_pad=True'),
    (dict(type='mmpretrain.EfficientNetCenterCrop', crop_size=8),
     'EfficientNetCenterCrop is not known')])
def test_transform_that_is_not_known_is_refused(tmp_path, step, said):
    path = tmp_path / 'a.png'
    Image.new('RGB', (9, 9)).save(path)
    with pytest.raises(ValueError, match=said):
        _loader([dict(type='LoadRGBImage'), step]).load(path)
    with pytest.raises(ValueError, match='must begin with the one that loads'):
        _loader([dict(type='Resize', scale=8)]).load(path)


def _export_with(tmp_path, steps):
    """Export of a run whose pictures pass other transforms."""
    run = write_run(tmp_path)
    path, = run.glob('*.pth')
    checkpoint = torch.load(path, weights_only=False)
    cfg = Config.fromstring(checkpoint['meta']['cfg'], '.py')
    cfg.test_dataloader.dataset.pipeline = steps
    checkpoint['meta']['cfg'] = cfg.pretty_text
    torch.save(checkpoint, path)
    return run_tool('export_onnx', run, '--out', tmp_path / 'towers',
                    '--source', tmp_path / 'data' / 'pairs.tsv')


def test_unknown_transforms_are_said_and_ready_pixels_still_go(tmp_path):
    status, said, err = _export_with(tmp_path, [
        dict(type='LoadRGBImage'),
        dict(type='Resize', scale=(8, 8), interpolation='area')])
    assert status == 0, err
    assert ("onnx_runtime.py loads no pictures: Resize with interpolation="
            "'area' is not known here") in said


def test_other_pixels_fail_the_export(tmp_path, monkeypatch):
    from chtn_plugin.export import onnx_runtime
    load = onnx_runtime.Towers.load
    monkeypatch.setattr(onnx_runtime.Towers, 'load',
                        lambda self, path: load(self, path) // 2)
    status, _, err = _export_with(tmp_path, [
        dict(type='LoadRGBImage'), dict(type='Resize', scale=(8, 8))])
    assert status == 1
    # half of 0, 20, ..., 220 is lost
    assert 'differ by 55 levels on average (allowed 1)' in err
    assert not list((tmp_path / 'towers').iterdir())


_CHARACTERS = dict(type='WordIndices', num_words=30, max_length=20,
                   tokenizer=dict(unit='character'))
TOWERS = {
    **TEXT_TOWERS,
    'tfidf': (dict(type='BagOfWords', num_terms=20, weighting='tfidf',
                   norm='l2'),
              dict(type='VectorTextEncoder', out_features=20, norm=None)),
    'TF-IDF of words': (
        dict(type='TfidfWords', num_terms=20),
        dict(type='VectorTextEncoder', out_features=20, norm=None)),
    'character CNN': (_CHARACTERS, TEXT_TOWERS['word CNN'][1]),
    'BiGRU last': (TEXT_TOWERS['BiGRU'][0],
                   dict(TEXT_TOWERS['BiGRU'][1], pooling='last')),
}
_FROM_STRINGS = '''
import json, sys
for name in ('torch', 'transformers', 'chtn_plugin'):
    sys.modules[name] = None  # cannot be imported
from onnx_runtime import Towers
towers = Towers('.')
print(json.dumps(towers.texts(json.loads(sys.argv[1]))[0].tolist()))
'''


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
    torch.manual_seed(0)
    root = tmp_path_factory.mktemp('hf')
    write_hf_folders(root)
    return root


@pytest.mark.parametrize('name', TOWERS)
def test_strings_go_in_without_torch(name, folders, tmp_path):
    # not probabilities, which hide differences where they saturate
    run = write_run(tmp_path, representation='fc10', text_tower=tuple(
        in_folder(part, folders) for part in TOWERS[name]))
    status, said, err = run_tool('export_onnx', run, '--out',
                                 tmp_path / 'towers', '--samples', 20)
    assert status == 0, err
    # one a batch of its own, and one beyond max_length
    texts = ['cat word1', 'A Bird, 2 dogs!', '', 'bird and 猫 ' * 50]
    done = subprocess.run(
        [sys.executable, '-c', _FROM_STRINGS, json.dumps(texts)],
        cwd=tmp_path / 'towers', capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    model = RetrievalInferencer(run, 'cpu', show_progress=False)
    here = unit_rows(model.encode_texts(texts))
    assert np.abs(here[1:] - here[0]).max(1).min() > 2e-5
    np.testing.assert_allclose(unit_rows(json.loads(done.stdout)), here,
                               atol=2e-6)


def test_a_checkpoint_of_an_earlier_version_is_exported(tmp_path):
    run = write_run(tmp_path)
    path, = run.glob('*.pth')
    checkpoint = torch.load(path, weights_only=False)
    text = checkpoint['meta']['dataset_meta']['text']
    checkpoint['meta']['dataset_meta']['text'] = dict(
        terms=words_of(text), idf=text['idf'])
    torch.save(checkpoint, path)
    before = RetrievalInferencer(run, 'cpu', show_progress=False)
    status, _, err = run_tool('export_onnx', run, '--out', tmp_path / 'towers',
                              '--samples', 4)
    assert status == 0, err
    # The old rule, by which a mark parts words.
    texts = ['cat word1', 'wo\u0301rd cat']
    np.testing.assert_allclose(
        unit_rows(Towers(tmp_path / 'towers').texts(texts)[0]),
        unit_rows(before.encode_texts(texts)), atol=2e-6)


def test_towers_of_another_format_are_refused(tiny, tmp_path):
    meta = json.loads((tiny / 'towers' / 'towers.json').read_text())
    (tmp_path / 'towers.json').write_text(json.dumps(dict(meta, format=1)))
    with pytest.raises(ValueError, match='must be of format 2, got 1: the '
                       'onnx_runtime.py beside them reads them'):
        Towers(tmp_path)


def test_other_tokens_fail_the_export(tiny, tmp_path, monkeypatch):
    from chtn_plugin.export import onnx_runtime
    monkeypatch.setattr(onnx_runtime.Towers, '_tokens',
                        lambda self, text, config: text.split())
    status, _, err = run_tool('export_onnx', tiny / 'run', '--out', tmp_path)
    assert status == 1
    assert "trained with: 'A Cat, 12 dogs!' does not" in err
    assert not list(tmp_path.iterdir())
