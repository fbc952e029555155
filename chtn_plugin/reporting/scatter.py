"""Plot both modalities of the common space on a plane."""
from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image


def tsne_points(image: np.ndarray, text: np.ndarray,
                seed: int = 0) -> np.ndarray:
    """Lay images and texts out together by t-SNE, (N + M, 2).

    Args:
        image: Unit rows, (N, D).
        text: Unit rows, (M, D).
        seed: Equal seeds give equal points.

    Raises:
        ImportError: scikit-learn is not installed.
    """
    try:
        from sklearn.manifold import TSNE
    except ImportError as error:
        raise ImportError('the picture of the common space needs '
                          'scikit-learn: pip install scikit-learn'
                          ) from error
    rows = np.concatenate([image, text]).astype(np.float64)
    if len(rows) < 3:
        return np.zeros((len(rows), 2))
    # PCA as a start keeps far groups apart; equal rows need a little noise.
    rows += np.random.default_rng(seed).normal(scale=1e-6, size=rows.shape)
    return TSNE(2, perplexity=min(30, (len(rows) - 1) / 3),
                init='pca' if rows.shape[1] > 1 else 'random',
                random_state=seed).fit_transform(rows)


def draw_scatter(points: np.ndarray, kinds: Sequence[str],
                 labels: np.ndarray, classes: Sequence[str]) -> Image.Image:
    """Draw points by class (colour) and modality (● image, ✕ text).

    Args:
        points: (N, 2).
        kinds: ``'image'`` or ``'text'`` of each.
        labels: Class of each, (N,).
        classes: Class names.
    """
    # A figure of its own: pyplot would keep it, and choose a back end.
    from matplotlib import colormaps
    from matplotlib.figure import Figure
    figure = Figure(figsize=(8.4, 6.4), dpi=110, layout='constrained')
    axes = figure.add_subplot()
    colors = colormaps['tab20' if len(classes) > 10 else 'tab10'](
        np.arange(20 if len(classes) > 10 else 10))
    which = np.asarray(kinds)
    for kind, marker, size in (('image', 'o', 20), ('text', 'x', 22)):
        for label in np.unique(labels):
            member = (which == kind) & (labels == label)
            x, y = points[member].T
            axes.scatter(x, y, s=size, marker=marker,
                         color=colors[label % len(colors)], alpha=0.65,
                         linewidths=1.0 if marker == 'x' else 0)
    for label in np.unique(labels):
        place = np.median(points[labels == label], axis=0)
        axes.annotate(
            _plain(classes[label]), place, (0, 15), ha='center',
            textcoords='offset points', fontsize=8, weight='bold',
            bbox=dict(boxstyle='round,pad=0.2', facecolor='white',
                      edgecolor=colors[label % len(colors)], alpha=0.8))
    axes.scatter([], [], marker='o', color='#334155', label='image')
    axes.scatter([], [], marker='x', color='#334155', label='text')
    axes.legend(loc='best', frameon=True)
    axes.set_xticks([])
    axes.set_yticks([])
    encoded = io.BytesIO()
    figure.savefig(encoded, format='png')
    return Image.open(encoded, formats=('PNG', )).convert('RGB')


def _plain(name: str) -> str:
    """A name that matplotlib does not read as a formula."""
    return name.replace('$', r'\$')[:40]
