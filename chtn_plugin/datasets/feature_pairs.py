"""A data set of pairs whose modalities are ready features."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Optional

import numpy as np
import torch
from mmengine.registry import DATASETS
from torch.utils.data import Dataset

from ..checks import check_choice
from ..storage.arrays import ArrayFile
from ..storage.finite import nonfinite_rows
from .few_labels import FewLabels
from .grouping import (
    first_equal_rows,
    row_contents,
)
from .validation_cut import ValidationCut


@DATASETS.register_module()
class FeaturePairDataset(Dataset):
    """Pairs whose image and text features lie ready in one file.

    An item: ``inputs``: ``image`` (D_i,), ``text`` (D_t,), float32;
    ``data_samples``: ``label`` (a class index, or multi-hot (C,) where the
    file's labels are (N, C); -1, or a row of NaN, where a pair has no class:
    so it is in the file, where NaN stands for -1 too), ``sample_idx``,
    ``image_idx``, ``text_idx``, and ``same_image_idx`` and
    ``same_text_idx``, the first item with the very same features.

    Args:
        file: An ``.npz``, ``.mat`` or HDF5 file.
        arrays: For each stored split the names of its three arrays:
            ``dict(train=dict(image='I_tr', text='T_tr', label='y_tr'),
            test=...)``. Classes are numbered in the order of the training
            labels' values. None: ``image_train``, ``text_train``,
            ``label_train``, likewise of the other splits that are there, and
            the class names ``classes``, as tools/extract_features.py writes
            them. A fourth, ``partner`` (``partner_train``), has equal
            integers where rows are texts of one image.
        split: Which split to serve; ``'val'`` is cut from the training rows
            where ``arrays`` has none of that name.
        val_fraction: Share of the training rows, of every class alike, that
            becomes ``'val'`` where ``arrays`` has none. Rows with equal
            features of either modality stay on one side.
        fraction: Share of the remaining training rows that keep their
            class, taken from every class alike, for experiments with few
            labels.
        seed: Which rows those two are.
        per_class: In place of ``fraction``: how many rows a class.
        rest: What becomes of the others: ``'drop'`` or ``'unlabelled'``;
            see :class:`~chtn_plugin.datasets.few_labels.FewLabels`.
        only: ``'labelled'`` or ``'unlabelled'``: serve these rows alone.
        l2_normalized: Modalities scaled to length 1: ``('image', 'text')``.
        standardized: Modalities brought to mean 0 and standard deviation 1
            per dimension, by the training rows' statistics.
        classes: Class names in label order. None: those of the file, if
            ``arrays`` is None; the labels' values otherwise.

    Raises:
        FileNotFoundError: There is no such file.
        KeyError: An array is missing, or the split is unknown.
        ValueError: The arrays do not fit together, hold a number that is not
            finite, or a label that no training row has. All splits are
            checked, whichever is served.
    """

    def __init__(self,
                 file: str,
                 arrays: Optional[Mapping[str, Mapping[str, str]]] = None,
                 split: str = 'train',
                 val_fraction: float = 0.1,
                 fraction: float = 1.0,
                 seed: int = 0,
                 l2_normalized: Sequence[str] = (),
                 standardized: Sequence[str] = (),
                 classes: Optional[Sequence[str]] = None,
                 per_class: Optional[int] = None,
                 rest: str = 'drop',
                 only: Optional[str] = None) -> None:
        few = FewLabels(fraction, per_class, rest, only, seed)
        unknown = {*l2_normalized, *standardized} - {'image', 'text'}
        if unknown:
            raise ValueError("a modality is 'image' or 'text', got "
                             f'{sorted(unknown)}')
        if arrays is None:
            arrays, classes = _by_their_names(file, classes)
        if 'train' not in arrays:
            raise KeyError("arrays must name those of 'train', got "
                           f'{list(arrays)}')
        stored = _read_arrays(file, {
            name for split_arrays in arrays.values()
            for name in split_arrays.values()})
        parts = {name: _part(stored, names, f'{file}, split {name!r}')
                 for name, names in arrays.items()}
        if 'val' not in parts:
            train = parts['train']
            held_out = ValidationCut(val_fraction, seed).rows(
                _hashable(train['label']), row_contents(train['image']),
                row_contents(train['text']))
            parts['val'] = _take(train, held_out)
            parts['train'] = _take(train, sorted(
                set(range(len(train['label']))).difference(held_out)))
        parts['train'] = _thinned(parts['train'], few)
        check_choice('split', split, parts, KeyError)

        several = parts['train']['label'].ndim == 2
        known = (np.arange(parts['train']['label'].shape[1]) if several
                 else np.unique(parts['train']['label'][
                     ~_lacks_class(parts['train']['label'])]))
        for name, part in parts.items():
            _check_against_train(part, parts['train'], name, file)
        if not several and len(known) < 2 and _lacks_class(
                parts['train']['label']).any():
            raise ValueError('a label of -1 means that the pair has no '
                             f'class, and the others need two at least: '
                             f'{file} has the labels {known.tolist()} beside '
                             'it')
        if classes is not None and len(classes) != len(known):
            raise ValueError(f'classes names {len(classes)}, the training '
                             f'labels are {known.tolist()}')
        served = _take(parts[split], [
            row for row, lacks in enumerate(_lacks_class(
                parts[split]['label'])) if few.serves(not lacks)])
        self.inputs = {name: _prepared(
            served[name], parts['train'][name], name in l2_normalized,
            name in standardized) for name in ('image', 'text')}
        self._same = {f'same_{name}_idx': torch.tensor(first_equal_rows(
            served[name]), dtype=torch.long) for name in ('image', 'text')}
        label = served['label']
        self.label = torch.from_numpy(
            label.astype(np.float32) if several else np.where(
                _lacks_class(label), -1, np.searchsorted(known, label)))
        partner = served.get('partner', np.arange(len(label)))
        self.image_idx = torch.tensor(first_equal_rows(partner[:, None]),
                                      dtype=torch.long)
        self.metainfo = dict(
            split=split,
            classes=tuple(classes or (str(value) for value in known)))

    def __len__(self) -> int:
        return len(self.label)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """One item; see the class."""
        return self._at(int(index), torch.tensor(int(index)))

    def __getitems__(self, indices: Sequence[int]) -> dict[str, Any]:
        """A batch, (B, ...) each; what data loaders call."""
        rows = torch.tensor([int(index) for index in indices])
        return self._at(rows, rows)

    def _at(self, rows: Any, indices: torch.Tensor) -> dict[str, Any]:
        return dict(
            inputs={name: value[rows] for name, value in self.inputs.items()},
            data_samples=dict(
                label=self.label[rows], sample_idx=indices,
                image_idx=self.image_idx[rows], text_idx=indices,
                **{name: value[rows] for name, value in self._same.items()}))


def _by_their_names(file: str, classes: Optional[Sequence[str]]
                    ) -> tuple[dict[str, dict[str, str]],
                               Optional[Sequence[str]]]:
    """Names of the arrays of each split that a file has, and its classes."""
    stored = ArrayFile(file, 'feature file')
    parts = ('image', 'text', 'label', 'partner')
    splits = [name.removeprefix('label_') for name in stored
              if name.startswith('label_')]
    if 'train' not in splits:
        raise KeyError("without arrays=..., a feature file must have "
                       f"'image_train', 'text_train' and 'label_train': "
                       f'{file} has {list(stored)}')
    if classes is None and 'classes' in stored:
        classes = [str(name) for name in stored['classes']]
    return {split: {part: f'{part}_{split}' for part in parts
                    if part != 'partner' or f'partner_{split}' in stored}
            for split in splits}, classes


def _read_arrays(file: str, names: set[str]) -> dict[str, np.ndarray]:
    arrays = ArrayFile(file, 'feature file')
    missing = names - set(arrays)
    if missing:
        raise KeyError(f'arrays not found in {file}: {sorted(missing)}')
    return {name: arrays.numbers(name) for name in names}


def _part(stored: dict[str, np.ndarray], names: Mapping[str, str],
          where: str) -> dict[str, np.ndarray]:
    if set(names) - {'partner'} != {'image', 'text', 'label'}:
        raise KeyError("each split names its 'image', 'text' and 'label' "
                       f'arrays: {where} names {list(names)}')
    part = {name: stored[key] for name, key in names.items()}
    part['label'] = _label(part['label'], len(part['image']), where)
    if 'partner' in part:
        part['partner'] = part['partner'].reshape(-1)
        if len(part['partner']) != len(part['label']):
            raise ValueError(
                f'partner must have one number a label: {where} has '
                f'{len(part["partner"])} for {len(part["label"])} labels')
    for name in ('image', 'text'):
        array = part[name] = part[name].astype(np.float32)
        if array.ndim != 2 or len(array) != len(part['label']):
            raise ValueError(
                f'{name} features must be (N, D) with one row a label: '
                f'{where} has {array.shape} for {len(part["label"])} labels')
        broken = nonfinite_rows(array)
        if len(broken):
            raise ValueError(f'{name} features must be finite: {where}, '
                             f'rows {broken[:5].tolist()} are not')
    return part


def _label(label: np.ndarray, rows: int, where: str) -> np.ndarray:
    """Class numbers (N,) int64, or (N, C) float32 of 0, 1 and NaN rows."""
    # MATLAB's labels are a column, or a row.
    if not (label.ndim == 2 and label.shape[1] > 1 and len(label) == rows):
        return np.nan_to_num(label.reshape(-1), nan=-1).astype(np.int64)
    label = label.astype(np.float32)
    lacks = (np.isnan(label) | (label == -1)).all(1)
    if not np.isin(label[~lacks], (0, 1)).all():
        raise ValueError('labels of several columns must be 0 or 1: '
                         f'{where} has {np.unique(label)[:5].tolist()}')
    label[lacks] = np.nan
    return label


def _lacks_class(label: np.ndarray) -> np.ndarray:
    """Which rows have no class, (N,) bool."""
    return label == -1 if label.ndim == 1 else np.isnan(label).any(1)


def _thinned(train: dict[str, np.ndarray], few: FewLabels
             ) -> dict[str, np.ndarray]:
    """The training rows that exist, some robbed of their class."""
    rows, labelled = few.kept(_hashable(train['label']))
    label = train['label'].copy()
    label[sorted(set(rows).difference(labelled))] = (
        -1 if label.ndim == 1 else np.nan)
    return _take(dict(train, label=label), rows)


def _check_against_train(part: dict[str, np.ndarray],
                         train: dict[str, np.ndarray], split: str,
                         file: str) -> None:
    for name in ('image', 'text'):
        sizes = part[name].shape[1], train[name].shape[1]
        if sizes[0] != sizes[1]:
            raise ValueError(f'{name} features must have one size: {file} '
                             f'has {sizes[0]} in split {split!r} and '
                             f"{sizes[1]} in 'train'")
    shapes = [part['label'].shape[1:], train['label'].shape[1:]]
    if shapes[0] != shapes[1]:
        raise ValueError(f'labels must be alike in all splits: {file} has '
                         f'{part["label"].shape} in split {split!r} and '
                         f"{train['label'].shape} in 'train'")
    known, trained = (each['label'][~_lacks_class(each['label'])]
                      for each in (part, train))
    strange = (np.setdiff1d(known, trained) if known.ndim == 1
               else np.flatnonzero(known.any(0) & ~trained.any(0)))
    if len(strange):
        raise ValueError(
            'every class must have training rows: the labels '
            f'{strange.tolist()} of split {split!r} in {file} have none')


def _hashable(labels: np.ndarray) -> list:
    """Labels that can be counted, also where they are rows of 0 and 1.

    None where a row has no class.
    """
    return [None if lacks else
            tuple(map(int, label)) if isinstance(label, list) else label
            for label, lacks in zip(labels.tolist(), _lacks_class(labels),
                                    strict=True)]


def _take(part: dict[str, np.ndarray], rows: Sequence[int]
          ) -> dict[str, np.ndarray]:
    return {name: array[list(rows)] for name, array in part.items()}


def _prepared(features: np.ndarray, train: np.ndarray, l2_normalized: bool,
              standardized: bool) -> torch.Tensor:
    def unit(array: np.ndarray) -> np.ndarray:
        length = np.linalg.norm(array, axis=1, keepdims=True)
        return array / np.maximum(length, 1e-12)

    if l2_normalized:
        features, train = unit(features), unit(train)
    if standardized:
        spread = train.std(0)
        spread[spread == 0] = 1
        features = (features - train.mean(0)) / spread
    return torch.from_numpy(np.ascontiguousarray(features, np.float32))
