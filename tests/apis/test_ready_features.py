"""A run whose pictures and texts are ready features."""
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DATASETS, MODELS

from chtn_plugin.apis import Gallery, RetrievalInferencer
from chtn_plugin.apis.encoded_split import encode_split
from chtn_plugin.evaluation import save_embeddings
from chtn_plugin.reporting.run_report import RunReport


@pytest.fixture(scope='module')
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp('features')
    rng = np.random.default_rng(0)
    arrays = {f'{kind}_{split}': rng.normal(size=(count, size)) for
              kind, size in (('I', 6), ('T', 5)) for split, count in (
                  ('tr', 8), ('te', 4))}
    for split, count in (('tr', 8), ('te', 4)):
        arrays[f'y_{split}'] = np.arange(count) % 2
    np.savez(folder / 'f.npz', **arrays)
    cfg = Config(dict(
        model=dict(
            type='CHTN', num_classes=2, input_shape=(6, ),
            trunk_mode='frozen', source_pathway=None, mmd=None,
            text_encoder=dict(type='VectorTextEncoder', out_features=5),
            image_pathway=dict(type='Pathway', widths=(8, 8)),
            common_head=dict(type='CommonHead', widths=(8, 8))),
        test_dataloader=dict(dataset=dict(
            type='FeaturePairDataset', file=str(folder / 'f.npz'),
            split='test', arrays={
                name: dict(image=f'I_{end}', text=f'T_{end}',
                           label=f'y_{end}')
                for name, end in (('train', 'tr'), ('test', 'te'))}))))
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    torch.save(dict(
        meta=dict(cfg=cfg.pretty_text, dataset_meta=dataset.metainfo),
        state_dict=MODELS.build(cfg.model).state_dict()), folder / 'm.pth')
    return RetrievalInferencer(folder / 'm.pth', show_progress=False)


def test_arrays_are_encoded_and_find_each_other(model, tmp_path):
    found = encode_split(model, progress=False)
    assert found.text == found.image_path == []
    rows = model.encode_images(np.ones((3, 6)))
    assert rows.shape == (3, 2)
    np.testing.assert_allclose(model.encode_images(np.ones(6))[0], rows[0],
                               atol=1e-6)
    save_embeddings(tmp_path / 'e.npz', found.embeddings)
    model.index(tmp_path / 'e.npz')
    result = model.search(text=np.ones(5, np.float32), topk=2)
    assert [hit.kind for hit in result.hits] == ['image', 'image']


@pytest.mark.parametrize('query, said', [
    (dict(text='a cat'), 'takes no strings'),
    (dict(image='a.png'), 'takes no pictures')])
def test_a_text_or_picture_is_refused_in_words(model, query, said):
    model.index(Gallery(np.ones((1, 2)), [dict(
        kind='image', id='0', path=None, text='', label='')]))
    with pytest.raises(ValueError, match=said):
        model.search(**query)


def test_report_shows_numbers_where_nothing_can_be_seen(model):
    text = RunReport(encode_split(model, progress=False).embeddings, 'r',
                     tsne=False).html()
    assert '#0' in text


def test_towers_are_exported(model, tmp_path):
    pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')
    from chtn_plugin.export.onnx_export import export_towers
    from chtn_plugin.export.onnx_runtime import Towers
    assert export_towers(model, tmp_path, samples=4).difference < 1e-4
    rows, _ = Towers(tmp_path).images(np.ones((2, 6)))
    np.testing.assert_allclose(rows, model.encode_images(np.ones((2, 6))),
                               atol=1e-5)
