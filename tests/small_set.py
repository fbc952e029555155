"""A tiny set of pairs for the studies: three classes, easy to tell."""
from __future__ import annotations

from pathlib import Path

import numpy as np

from chtn_plugin.studies.pair_features import PairFeatures, save_pair_features


def small_set(train: int = 48, test: int = 15, classes: int = 3,
              noise: float = .6) -> PairFeatures:
    """Rows of training, then of test, their classes in turn."""
    rng = np.random.default_rng(0)
    label = np.r_[np.arange(train), np.arange(test)] % classes
    centres = rng.normal(size=(classes, 6))
    image = centres[label] + noise * rng.normal(size=(len(label), 6))
    text = image[:, :5] + noise * rng.normal(size=(len(label), 5))
    return PairFeatures('small', image.astype(np.float32),
                        text.astype(np.float32), label,
                        np.arange(len(label)) < train)


def write_small_set(path: Path, **options: int) -> Path:
    """The same as a file."""
    made = small_set(**options)
    save_pair_features(path, dict(image=made.image, text=made.text,
                                  label=made.label, train=made.train))
    return path
