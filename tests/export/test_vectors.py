"""Vectors of an index in what other programs search."""
from __future__ import annotations

import json
import sys

import numpy as np
import pytest
from tiny_run import write_run

from chtn_plugin.apis import RetrievalInferencer
from chtn_plugin.apis.index_store import IndexStore
from chtn_plugin.evaluation.quantization import quantized
from chtn_plugin.export.vectors import describe, export_vectors


@pytest.fixture(scope='module')
def index(tmp_path_factory):
    folder = tmp_path_factory.mktemp('vectors')
    write_run(folder)
    model = RetrievalInferencer(folder / 'run', show_progress=False)
    IndexStore(folder / 'index').build(model, folder / 'data/pairs.tsv')
    return folder / 'index'


@pytest.fixture(scope='module')
def images(index):
    return IndexStore(index).gallery(exact=True).rows('image')


def test_parquet_holds_items_and_vectors(index, images, tmp_path):
    parquet = pytest.importorskip('pyarrow.parquet')
    assert export_vectors(index, tmp_path / 'out', 'parquet')['image'] == {}
    table = parquet.read_table(tmp_path / 'out/image.parquet')
    assert np.stack(table['vector'].to_numpy()) == pytest.approx(images)
    assert set(table['kind'].to_pylist()) == {'image'}
    assert all(path.endswith('.png') for path in table['path'].to_pylist())
    meta = json.loads((tmp_path / 'out/vectors.json').read_text())
    assert meta['similarity'] == 'cosine' and len(meta['fingerprint']) == 16


@pytest.mark.parametrize('precision', ['int8', 'binary'])
def test_fewer_bits_say_what_they_cost(index, tmp_path, precision):
    pytest.importorskip('pyarrow')
    measured = export_vectors(index, tmp_path / 'out', 'parquet', precision)
    for kind in ('image', 'text'):
        assert 0 < measured[kind]['recall'] <= measured[kind]['rescored'] <= 1
    assert 'of the exact first ten' in describe('image', precision,
                                                measured['image'])


@pytest.mark.parametrize('precision', ['float32', 'int8', 'binary'])
def test_usearch_finds_a_picture_by_itself(index, images, tmp_path,
                                           precision):
    usearch = pytest.importorskip('usearch.index')
    export_vectors(index, tmp_path / 'out', 'usearch', precision)
    found = usearch.Index.restore(str(tmp_path / 'out/image.usearch'))
    assert len(found) == len(images)
    rows, _ = quantized(np.ascontiguousarray(images), precision)
    if precision == 'float32':
        hit = found.search(rows[3], 1)[0]
        assert images[hit.key] @ images[3] == pytest.approx(
            (images @ images[3]).max(), abs=1e-5)
    assert np.array_equal(found.get(3), rows[3])
    assert len(json.loads((tmp_path / 'out/image.json').read_text())) == len(
        images)


def test_lancedb_finds_by_inner_product(index, images, tmp_path, monkeypatch):
    # Without the package `datasets`, the folder tests/datasets is imported by
    # libraries that look for it, and lancedb takes it for the package.
    monkeypatch.delitem(sys.modules, 'datasets', raising=False)
    lancedb = pytest.importorskip('lancedb')
    export_vectors(index, tmp_path / 'out', 'lancedb')
    table = lancedb.connect(str(tmp_path / 'out')).open_table('image')
    hit = table.search(images[3]).distance_type('dot').limit(1).to_list()[0]
    assert np.asarray(hit['vector']) @ images[3] == pytest.approx(
        (images @ images[3]).max(), abs=1e-5)


def test_qdrant_finds_by_inner_product(index, images, tmp_path):
    qdrant = pytest.importorskip('qdrant_client')
    export_vectors(index, tmp_path / 'out', 'qdrant')
    client = qdrant.QdrantClient(path=str(tmp_path / 'out'))
    hit = client.query_points('image', query=images[3].tolist(),
                              limit=1).points[0]
    client.close()
    assert hit.score == pytest.approx((images @ images[3]).max(), abs=1e-5)
    assert hit.payload['kind'] == 'image'


def test_a_folder_that_is_there_is_left_alone(index, tmp_path):
    (tmp_path / 'mine').write_text('x')
    with pytest.raises(FileExistsError, match='a folder that is not there'):
        export_vectors(index, tmp_path, 'parquet')
    assert (tmp_path / 'mine').read_text() == 'x'


@pytest.mark.parametrize('form, precision, message', [
    ('csv', 'float32', 'format must be one of'),
    ('qdrant', 'int8', 'precision of qdrant must be one of')])
def test_what_a_format_cannot_hold_is_refused(index, tmp_path, form,
                                              precision, message):
    with pytest.raises(ValueError, match=message):
        export_vectors(index, tmp_path / 'out', form, precision)
    assert not (tmp_path / 'out').exists()
