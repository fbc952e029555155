"""tools/extract_features.py as a user runs it."""
import numpy as np
import pytest
from tiny_run import run_tool, write_run

from chtn_plugin.apis import RetrievalInferencer
from chtn_plugin.evaluation import load_embeddings, score_embeddings


@pytest.fixture(scope='module')
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp('extract')
    write_run(folder)
    return folder


def test_split_can_be_scored_and_searched(tiny, tmp_path):
    out = tmp_path / 'test.npz'
    status, said, err = run_tool('extract_features', tiny / 'run', '--out',
                                 out)
    assert status == 0, err
    assert '4 images, 4 texts' in said
    embeddings = load_embeddings(out)
    assert embeddings.classes == ('bird', 'cat')
    assert list(embeddings.image_id) == ['p8', 'p9', 'p10', 'p11']
    score, = score_embeddings(embeddings, ['chtn-map-all'], ['i2t'])
    assert 0 < score.value <= 1
    model = RetrievalInferencer(tiny / 'run', show_progress=False)
    model.index(out)
    hit = model.search(text='cat').hits[0]
    assert hit.path.endswith('.png')
    assert hit.label in ('bird', 'cat')


def test_tap_is_the_layer(tiny, tmp_path):
    out = tmp_path / 'fc7.npz'
    run_tool('extract_features', tiny / 'run', '--out', out, '--tap', 'fc7',
             '--split', 'val')
    assert load_embeddings(out).image.shape == (2, 8)


def test_own_pictures(tiny, tmp_path):
    out = tmp_path / 'own.npz'
    images = tiny / 'data' / 'images'
    status, said, err = run_tool('extract_features', tiny / 'run', '--source',
                                 images, '--out', out)
    assert status == 0, err
    assert '12 images' in said
    model = RetrievalInferencer(tiny / 'run', show_progress=False)
    rows = model.encode_images(sorted(images.iterdir()))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    np.testing.assert_allclose(load_embeddings(out).image, rows, atol=1e-6)


def test_moved_data_are_found(tiny, tmp_path):
    (tiny / 'data').rename(tmp_path / 'moved')
    try:
        out = tmp_path / 'out.npz'
        status, _, err = run_tool('extract_features', tiny / 'run', '--out',
                                  out)
        assert status == 1
        assert 'not found' in err
        status, _, err = run_tool('extract_features', tiny / 'run', '--out',
                                  out, '--data-root', tmp_path / 'moved')
        assert status == 0, err
    finally:
        (tmp_path / 'moved').rename(tiny / 'data')
