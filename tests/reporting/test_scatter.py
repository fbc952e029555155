import numpy as np
import pytest

from chtn_plugin.reporting.scatter import draw_scatter, tsne_points


def test_far_groups_lie_apart_and_seeds_repeat():
    pytest.importorskip('sklearn', reason='scikit-learn is not installed')
    draw = np.random.default_rng(0)
    rows = np.repeat(np.eye(2), 10, axis=0) + draw.normal(
        scale=0.01, size=(20, 2))
    points = tsne_points(rows[::2], rows[1::2])
    assert points.shape == (20, 2)
    assert np.array_equal(points, tsne_points(rows[::2], rows[1::2]))
    # five of each modality in each group
    group = np.tile(np.repeat([0, 1], 5), 2)
    centres = [points[group == k].mean(0) for k in (0, 1)]
    nearer = [int(np.linalg.norm(p - centres[1])
                  < np.linalg.norm(p - centres[0])) for p in points]
    assert nearer == group.tolist()


def test_two_rows_need_no_layout():
    pytest.importorskip('sklearn', reason='scikit-learn is not installed')
    assert tsne_points(np.eye(1), np.eye(1)).tolist() == [[0, 0], [0, 0]]


def test_names_that_look_like_formulas_are_drawn():
    image = draw_scatter(np.eye(2), ['image', 'text'], np.array([0, 1]),
                         ['$\\frac', 'x' * 500])
    assert image.mode == 'RGB'
    assert len(image.getcolors(1 << 20)) > 10
