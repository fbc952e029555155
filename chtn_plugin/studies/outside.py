"""Bring results of outside methods, files of embeddings, into a benchmark."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..evaluation.reading import read_embeddings
from ..models.cross_modal_model import SIMILARITIES
from ..storage.files import atomic_write
from .fitting import measured
from .label_budgets import LabelBudget
from .pair_features import PairFeatures


@dataclass(frozen=True)
class OutsideResult:
    """Embeddings of a set's test split that another program made.

    Attributes:
        name: What to call the method.
        file: The embeddings.
        set: Name of the set. Empty: the only one there is.
        labels: Label budget that it was trained under.
        draw: Number of the draw; one file each.
    """
    name: str
    file: str
    set: str = ''
    labels: str = '100%'
    draw: int = 0


def parse_outside(texts: Sequence[str], known: Sequence[str] = ()
                  ) -> list[OutsideResult]:
    """Read ``[SET/]NAME[@LABELS]=FILE``; equal names are draws 0, 1, ...

    Args:
        texts: As on the command line.
        known: Names of the benchmark's own methods, which are taken.

    Raises:
        ValueError: It is not of that form, or the name is taken.
    """
    results: list[OutsideResult] = []
    counts: dict[tuple[str, str, str], int] = {}
    for text in texts:
        left, equals, file = text.partition('=')
        head, at, labels = left.partition('@')
        of_set, _, name = head.rpartition('/')
        if not (equals and name and file) or (at and not labels):
            raise ValueError('results must be [SET/]NAME[@LABELS]=FILE, got '
                             f'{text!r}')
        if name in known:
            raise ValueError(f'{name} is a method of the benchmark already: '
                             'call the one of '
                             f'{file} otherwise')
        labels = LabelBudget.parse(labels or '100%').name
        key = of_set, name, labels
        results.append(OutsideResult(name, file, of_set, labels,
                                     counts.get(key, 0)))
        counts[key] = counts.get(key, 0) + 1
    return results


def write_rows(folder: str | Path, features: PairFeatures,
               labels: Sequence[LabelBudget], draws: int) -> list[Path]:
    """Write the rows of each draw, so that another program trains on them.

    Args:
        folder: Gets ``SET_LABELS_DRAW.npz`` with ``train`` (N,), the training
            rows' places in the set, ``label`` (N,), -1 where it is withheld,
            and ``test`` (M,).
        features: The set.
        labels: Label budgets.
        draws: Draws of each.
    """
    paths = []
    train = np.flatnonzero(features.train)
    for budget in labels:
        for draw in range(1 if budget.whole else draws):
            kept = np.isin(train, budget.labelled(features, draw))
            name = (f'{features.name}_{budget.name}_{draw}.npz'
                    .replace('/', '-'))
            with atomic_write(Path(folder) / name) as file:
                np.savez(file, train=train, test=np.flatnonzero(
                    ~features.train), label=np.where(
                        kept, features.label[train], -1))
            paths.append(Path(folder) / name)
    return paths


def outside_record(features: PairFeatures, outside: OutsideResult
                   ) -> dict[str, Any]:
    """Measure embeddings as a method's; the record a table takes.

    Its rows must be the test split's, in its order: the classes tell.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds no embeddings, or others than of the test split.
    """
    if not Path(outside.file).is_file():
        raise FileNotFoundError(f'results not found: {outside.file}')
    embeddings = read_embeddings([outside.file])
    label = features.label[~features.train]
    for part in ('image', 'text'):
        rows, classes, _ = embeddings.part(part)
        if rows is None or len(rows) != len(label):
            raise ValueError(
                'results must be embeddings of the test split, a row a pair: '
                f'{outside.file} has {0 if rows is None else len(rows)} '
                f'{part}s, {features.name} {len(label)} test pairs')
        if classes is None or not np.array_equal(
                _numbered(np.asarray(classes)), _numbered(label)):
            raise ValueError(
                'results must have the rows of the test split in its order: '
                f'the {part} labels of {outside.file} are not those of '
                f'{features.name}')
    similarity = str(embeddings.meta.get('similarity') or 'cosine')
    if similarity not in SIMILARITIES:
        raise ValueError(f'results must be compared by {SIMILARITIES}: '
                         f'{outside.file} is made for {similarity!r}')
    vectors = dict(image=np.asarray(embeddings.image, np.float32),
                   text=np.asarray(embeddings.text, np.float32))
    budget = LabelBudget.parse(outside.labels)
    labelled = len(budget.labelled(features, outside.draw))
    return dict(
        kind='test', set=features.name, method=outside.name,
        labels=outside.labels, draw=outside.draw, unseen=None,
        setting='{}', chosen=False, similarity=similarity, seconds=None,
        numbers=None, labelled=labelled,
        unlabelled=int(features.train.sum()) - labelled, test=len(label),
        **measured(vectors, label, similarity))


def _numbered(label: np.ndarray) -> np.ndarray:
    """Classes by first appearance, so that names and numbers compare."""
    _, first, place = np.unique(label, return_index=True,
                                return_inverse=True)
    return np.argsort(np.argsort(first))[place]
