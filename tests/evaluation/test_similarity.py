"""Similarity of vectors: changes of scale and tiling change no figure."""
import numpy as np
import pytest
import torch

from chtn_plugin.evaluation import Embeddings, score_embeddings
from chtn_plugin.evaluation.similarity import Similarity

LABELS = np.arange(30) % 3
NAMES = ('chtn-map-all', 'pair-median-rank')


def vectors(seed=0, size=5):
    """Whole multiples of 2^-10, so that moving them by much stays exact."""
    rng = np.random.default_rng(seed)
    return np.round(rng.normal(size=(2, 30, size)) * 2**10) / 2**10


def figures(rows, kind):
    keys = np.arange(30)
    return [s.values.tolist() for s in score_embeddings(
        Embeddings(*rows, LABELS, LABELS, image_pair=keys, text_pair=keys),
        [f'{name}:{kind}' for name in NAMES])]


@pytest.mark.parametrize('offset', [1000., 1e4, 1e6, -2.**30])
@pytest.mark.parametrize('seed', range(3))
def test_moving_all_vectors_changes_no_distance(offset, seed):
    rows = vectors(seed)
    assert figures(rows + offset, 'euclidean') == figures(rows, 'euclidean')


@pytest.mark.parametrize('kind', ['euclidean', 'cosine', 'dot'])
@pytest.mark.parametrize('seed', range(3))
def test_turning_all_vectors_changes_no_figure(kind, seed):
    rows = vectors(seed)
    turned, _ = np.linalg.qr(np.random.default_rng(9).normal(size=(5, 5)))
    assert figures(rows @ turned, kind) == figures(rows, kind)


@pytest.mark.parametrize('scale', [1e-170, 1e-25, 3., 1e20, 1e200])
@pytest.mark.parametrize('kind', ['euclidean', 'cosine'])
def test_stretching_all_vectors_changes_no_figure(kind, scale):
    rows = vectors()
    assert figures(rows * scale, kind) == figures(rows, kind)


@pytest.mark.parametrize('scale', [1e-170, 1e-7, 1e200])
def test_cosine_knows_no_length_of_a_single_vector(scale):
    rows = vectors()
    longer = rows.copy()
    longer[:, ::3] *= scale
    assert figures(longer, 'cosine') == figures(rows, 'cosine')


def test_two_far_clusters_are_ranked_inside_each():
    # Within a cluster 0 is at .1, 1 at .2 from the query; the other cluster
    # lies 1e6 away.
    query = np.array([[0., 0], [1e6, 0]])
    gallery = np.array([[.1, 0], [0, .2], [1e6, .1], [1e6 + .2, 0]])
    scores = Similarity(query, gallery, 'euclidean').scores(0)[:2].numpy()
    assert np.argsort(-scores[0], kind='stable')[:2].tolist() == [0, 1]
    assert np.argsort(-scores[1], kind='stable')[:2].tolist() == [2, 3]
    np.testing.assert_allclose(scores[0, :2], [-.1, -.2], rtol=1e-6)


def test_equal_vectors_have_distance_0_and_tie():
    rows = np.random.default_rng(0).normal(size=(4, 64)) + 1e5
    scores = Similarity(rows, rows[[0, 1, 0, 3, 0]], 'euclidean').scores(0)
    assert scores[0, [0, 2, 4]].tolist() == [0, 0, 0]
    assert torch.unique(scores[1, [0, 2, 4]]).numel() == 1
