"""Small embeddings of known quality, and the results of scoring them."""
from __future__ import annotations

import numpy as np

from chtn_plugin.evaluation import Embeddings, make_results, score_embeddings

LABELS = np.arange(60) % 3


def embeddings(signal, seed=0, noise=1., items=60):
    rng = np.random.default_rng(seed)
    centres = np.eye(3)[LABELS[:items]] * signal
    image, text = rng.normal(size=(2, items, 3)) * noise + centres
    return Embeddings(image, text, LABELS[:items], LABELS[:items])


def results(signal, seed=0, protocols=('chtn-map-all',), **options):
    return make_results(score_embeddings(embeddings(signal, seed, **options),
                                         protocols), ('a', 'b', 'c'))


def paired(noise, seed=0, meta=None):
    """Sixty pairs; each side is the same point and noise of its own."""
    rng = np.random.default_rng(seed)
    points = np.random.default_rng(9).normal(size=(60, 4))
    image, text = points + noise * rng.normal(size=(2, 60, 4))
    keys = np.arange(60)
    return Embeddings(image, text, LABELS, LABELS, image_pair=keys,
                      text_pair=keys, meta=meta or {})


def pair_results(*args, **options):
    return make_results(score_embeddings(
        paired(*args, **options), ['pair-hit-rate@1', 'pair-median-rank']))
