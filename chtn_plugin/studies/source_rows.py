"""The source domain of a benchmark: labelled items of another set."""
from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Optional

import numpy as np
from mmengine.registry import DATASETS

from .._errors import building
from ..datasets.collate import fetch_batch
from ..datasets.draws import Draw, seeded
from ..engine.config_files import part_of, read_config_file
from ..storage.arrays import FEATURES_HINT, ArrayFile
from .pair_features import (
    PairFeatures,
    as_vectors,
    check_vectors,
    hash_of,
    pixel_preprocessor,
    read_pair_features,
)


@dataclass(frozen=True)
class SourceRows:
    """Labelled items of another set.

    Attributes:
        name: Short name of that set.
        image: (S, D) float32.
        label: Class numbers from 0, (S,).
        text: (S, E) float32. None: the source is of images alone.
    """
    name: str
    image: np.ndarray
    label: np.ndarray
    text: Optional[np.ndarray] = None

    @cached_property
    def fingerprint(self) -> str:
        """Hash of all numbers."""
        return hash_of(value for value in (self.image, self.text, self.label)
                       if value is not None)


def read_source(path: str | Path) -> SourceRows:
    """Read the source domain of a benchmark.

    Args:
        path: A file of arrays ``F`` (S, D) and ``label`` (S,), images alone;
            or a configuration, whose source domain is taken if it has one;
            or what :func:`read_pair_features` reads, all pairs of which are
            taken that have a class, those of the test split too.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The arrays do not fit together.
    """
    path = Path(path)
    if path.suffix == '.py':
        dataset = part_of(part_of(
            read_config_file(str(path)), 'train_dataloader', str(path)),
            'dataset', str(path))
        if dataset.get('source') is not None:
            return _of_dataset(path, dataset['source'])
    elif path.is_file() and 'F' in ArrayFile(path, 'source features',
                                             FEATURES_HINT):
        return _of_dataset(path, dict(type='SourceFeatureDataset',
                                      file=str(path)))
    pairs = read_pair_features(path, splits=False)
    known = pairs.label >= 0
    return SourceRows(pairs.name, pairs.image[known], pairs.label[known],
                      pairs.text[known])


def _of_dataset(path: Path, config: Any) -> SourceRows:
    """Read all items of a source's data set."""
    # A pipeline that draws at random draws alike each time: what was measured
    # is found again by a hash of the rows.
    with building('the source'), seeded(Draw(0, 0, 0, 0)):
        dataset: Any = DATASETS.build(config)
        if hasattr(dataset, 'full_init'):
            dataset.full_init()
        batch = fetch_batch(dataset, range(len(dataset)))
    inputs, samples = batch['inputs'], batch['data_samples']
    if 'source_image' in inputs:
        image, text = inputs['source_image'], inputs.get('source_text')
        label = samples['source_label']
    else:  # a source of pairs, before HybridTransferDataset names it
        image, text, label = inputs['image'], inputs['text'], samples['label']
    preprocessor = (pixel_preprocessor(read_config_file(str(path)))
                    if path.suffix == '.py' else None)
    known = (label >= 0).numpy()
    rows = SourceRows(
        path.stem, as_vectors(image, preprocessor, 'image', str(path))[known],
        label.numpy()[known], None if text is None else as_vectors(
            text, None, 'text', str(path))[known])
    check_vectors(rows.image, rows.text, rows.label, str(path))
    return rows


def with_source(features: PairFeatures, source: SourceRows) -> PairFeatures:
    """Give a prepared set a source domain.

    Its rows are prepared by the set's own statistics, as a network in place
    of the preparation would treat both domains alike.

    Args:
        features: Prepared.
        source: As read.

    Raises:
        ValueError: Their vectors have other sizes, or test rows of the set
            are among them.
    """
    assert features.steps is not None and features.read is not None
    tested = {row.tobytes() for row in features.read['image'][
        ~features.train]}
    same = sum(row.tobytes() in tested for row in source.image)
    if same:
        raise ValueError(
            f'a source must hold no test row of the set: {same} images of '
            f'{source.name} are tested in {features.name}. SET=FILE gives a '
            'source to one set alone')
    done: dict[str, Any] = {}
    for name, step in features.steps.items():
        rows = getattr(source, name)
        if rows is None:
            continue
        if rows.shape[1] != len(step.mean):
            raise ValueError(
                'a source must have vectors of the same encoders as the data:'
                f' {source.name} has {name}s of {rows.shape[1]} numbers, '
                f'{features.name} of {len(step.mean)}')
        done[name] = step.apply(rows)
    return replace(features, source=replace(source, **done))
