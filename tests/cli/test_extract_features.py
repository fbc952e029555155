"""tools/extract_features.py as a user runs it."""
import numpy as np
import pytest
import torch
from tiny_run import run_tool, write_run

from chtn_plugin.apis import RetrievalInferencer
from chtn_plugin.evaluation import (
    load_embeddings,
    read_embeddings,
    score_embeddings,
)


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
    status, _, err = run_tool('extract_features', tiny / 'run', '--source',
                              out, '--out', tmp_path / 'again.npz')
    assert (status, 'is encoded already' in err) == (1, True)


def test_without_classes_it_is_searched_and_not_scored(tiny, tmp_path):
    words = tmp_path / 'words.txt'
    words.write_text('cat\nbird\n')
    out = tmp_path / 'words.npz'
    run_tool('extract_features', tiny / 'run', '--source', words, '--out',
             out)
    assert load_embeddings(out).text_label is None
    status, _, err = run_tool('score', out)
    assert status == 1
    assert 'no labels for text' in err
    with pytest.raises(ValueError, match='scoring needs labels: t2t'):
        score_embeddings(load_embeddings(out), ['chtn-map-all'], ['t2t'])
    model = RetrievalInferencer(tiny / 'run', show_progress=False)
    model.index(out)
    assert {hit.label for hit in model.search(text='cat').hits} == {''}


def test_several_classes_of_a_manifest_are_several_labels(tiny, tmp_path):
    run = write_run(tmp_path)
    path, = run.glob('*.pth')
    checkpoint = torch.load(path, weights_only=False)
    checkpoint['meta']['cfg'] = checkpoint['meta']['cfg'].replace(
        "ann_file='pairs.tsv'", "ann_file='pairs.tsv', label_separator=';'")
    torch.save(checkpoint, path)
    manifest = tmp_path / 'data' / 'mine.tsv'
    manifest.write_text('id\tsplit\tclass\timage\ttext\n'
                        'a\ttest\tdog;pet\timages/0.png\tone\n'
                        'b\ttest\tpet\timages/1.png\ttwo\n'
                        'c\ttest\tsea\timages/2.png\tthree\n')
    out = tmp_path / 'mine.npz'
    status, _, err = run_tool('extract_features', run, '--source', manifest,
                              '--out', out)
    assert status == 0, err
    embeddings = read_embeddings([out])
    assert embeddings.classes == ('dog', 'pet', 'sea')
    assert embeddings.text_label.tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 1]]
    assert (embeddings.image_label == embeddings.text_label).all()


def test_an_item_without_a_class_has_none(tiny, tmp_path):
    manifest = tiny / 'data' / 'lacking.tsv'
    manifest.write_text('id\tsplit\tclass\timage\ttext\n'
                        'a\ttest\tdog\timages/0.png\tone\n'
                        'b\ttest\t\timages/1.png\ttwo\n')
    out = tmp_path / 'lacking.npz'
    status, _, err = run_tool('extract_features', tiny / 'run', '--source',
                              manifest, '--out', out)
    assert status == 0, err
    embeddings = read_embeddings([out])
    assert embeddings.image_label.tolist() == [0, -1]
    assert embeddings.meta['similarity'] == 'cosine'


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


def test_arrays_of_the_users_are_not_replaced_and_our_own_are(tiny,
                                                              tmp_path):
    out = tmp_path / 'one.npz'
    np.savez(out, image=np.eye(2), text=np.eye(2))
    before = out.read_bytes()
    call = 'extract_features', tiny / 'run', '--out', out
    status, _, err = run_tool(*call)
    assert status == 1
    assert 'only files that this tool has written may be replaced' in err
    assert out.read_bytes() == before
    out.unlink()
    for _ in range(2):
        status, _, err = run_tool(*call)
        assert status == 0, err
