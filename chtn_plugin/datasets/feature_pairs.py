"""A data set of pairs whose modalities are ready features."""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Optional

import numpy as np
import torch
from mmengine.registry import DATASETS
from torch.utils.data import Dataset

from ..checks import check_choice
from ..storage.arrays import FEATURES_HINT, ArrayFile
from ..storage.finite import nonfinite_rows
from .class_numbers import SparseLabels
from .few_labels import FewLabels
from .grouping import (
    first_equal_rows,
    row_contents,
)
from .validation_cut import ValidationCut

# Class numbers (N,), or lists of them.
_Label = np.ndarray | SparseLabels
# Labels as lists: what is put behind the name of the matrix.
_INDICES, _INDPTR = '_indices', '_indptr'


@DATASETS.register_module()
class FeaturePairDataset(Dataset):
    """Pairs whose image and text features lie ready in one file.

    An item: ``inputs``: ``image`` (D_i,), ``text`` (D_t,), float32;
    ``data_samples``: ``label`` (a class index, or multi-hot (C,) where the
    file's labels are (N, C); -1, or a row of NaN, where a pair has no class:
    so it is in the file, where NaN stands for -1 too), ``sample_idx``,
    ``image_idx``, ``text_idx``, and ``same_image_idx`` and
    ``same_text_idx``, the first item with the very same features.

    Labels of several classes may stand in the file as lists in place of a
    matrix: ``label_train_indices``, the class numbers of all rows behind one
    another, and ``label_train_indptr`` (N + 1,), where each row's begin and,
    last, where they end, as in ``scipy.sparse.csr_matrix``. A row of none has
    no class. Either way they are held as lists, and cost what the classes of
    all rows cost, however many there could be; a matrix is made of a batch.

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
        fold: ``(k, K)`` for cross-validation: the rows of ``'train'`` and
            ``'val'`` together are dealt to K folds by ``seed``, and the k-th,
            counted from 0, is ``'val'``.
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
                 only: Optional[str] = None,
                 fold: Optional[Sequence[int]] = None) -> None:
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
        width = _list_width(stored, arrays, classes)
        parts = {name: _part(stored, names, f'{file}, split {name!r}', width)
                 for name, names in arrays.items()}
        if fold is not None and 'val' in parts:
            parts['train'] = _joined(parts['train'], parts.pop('val'), file)
        if 'val' not in parts:
            train = parts['train']
            held_out = ValidationCut(
                val_fraction, seed, None if fold is None else tuple(fold)
            ).rows(
                _hashable(train['label']), row_contents(train['image']),
                row_contents(train['text']))
            parts['val'] = _take(train, held_out)
            parts['train'] = _take(train, sorted(
                set(range(len(train['label']))).difference(held_out)))
        parts['train'] = _thinned(parts['train'], few)
        check_choice('split', split, parts, KeyError)

        trained = parts['train']['label']
        known = _known_classes(trained)
        for name, part in parts.items():
            _check_against_train(part, parts['train'], name, file)
        if not isinstance(trained, SparseLabels) and len(known) < 2 and (
                _lacks_class(trained).any()):
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
        self._label = label if isinstance(label, SparseLabels) else (
            torch.from_numpy(np.where(_lacks_class(label), -1,
                                      np.searchsorted(known, label))))
        partner = served.get('partner', np.arange(len(label)))
        self.image_idx = torch.tensor(first_equal_rows(partner[:, None]),
                                      dtype=torch.long)
        self.metainfo = dict(
            split=split,
            classes=tuple(classes or (str(value) for value in known)))

    @property
    def has_several(self) -> bool:
        """Whether a pair may have several classes (multi-label data)."""
        return isinstance(self._label, SparseLabels)

    @property
    def label(self) -> torch.Tensor:
        """Labels of all rows: (N,), or a matrix (N, C) made at each call."""
        if isinstance(self._label, SparseLabels):
            return self._labels(torch.arange(len(self)))
        return self._label

    def _labels(self, rows: torch.Tensor) -> torch.Tensor:
        if isinstance(self._label, SparseLabels):
            return self._label.tensor(rows.numpy())
        return self._label[rows]

    def __len__(self) -> int:
        return len(self._label)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """One item; see the class."""
        row = torch.tensor(int(index))
        return self._at(int(index), row, self._labels(row[None])[0])

    def __getitems__(self, indices: Sequence[int]) -> dict[str, Any]:
        """A batch, (B, ...) each; what data loaders call."""
        rows = torch.tensor([int(index) for index in indices])
        return self._at(rows, rows, self._labels(rows))

    def _at(self, rows: Any, indices: torch.Tensor, label: torch.Tensor
            ) -> dict[str, Any]:
        return dict(
            inputs={name: value[rows] for name, value in self.inputs.items()},
            data_samples=dict(
                label=label, sample_idx=indices,
                image_idx=self.image_idx[rows], text_idx=indices,
                **{name: value[rows] for name, value in self._same.items()}))


def _by_their_names(file: str, classes: Optional[Sequence[str]]
                    ) -> tuple[dict[str, dict[str, str]],
                               Optional[Sequence[str]]]:
    """Names of the arrays of each split that a file has, and its classes."""
    stored = ArrayFile(file, 'feature file', FEATURES_HINT)
    parts = ('image', 'text', 'label', 'partner')
    splits = label_splits(stored)
    if 'train' not in splits:
        raise KeyError("without arrays=..., a feature file must have "
                       f"'image_train', 'text_train' and 'label_train': "
                       f'{file} has {list(stored)}')
    if classes is None and 'classes' in stored:
        classes = [str(name) for name in stored['classes']]
    return {split: {part: f'{part}_{split}' for part in parts
                    if part != 'partner' or f'partner_{split}' in stored}
            for split in splits}, classes


def label_splits(names: Iterable[str]) -> list[str]:
    """The splits whose labels a file has, as a matrix or as lists.

    Args:
        names: Names of its arrays.
    """
    names = list(names)
    lists = {name.removesuffix(_INDPTR) for name in names
             if name.endswith(_INDPTR)
             and name.removesuffix(_INDPTR) + _INDICES in names}
    parts = {name + end for name in lists for end in (_INDPTR, _INDICES)}
    labels = [name.removesuffix(_INDPTR) if name in parts else name
              for name in names if name not in parts
              or name.endswith(_INDPTR)]
    return list(dict.fromkeys(name.removeprefix('label_') for name in labels
                              if name.startswith('label_')))


def _read_arrays(file: str, names: set[str]) -> dict[str, np.ndarray]:
    arrays = ArrayFile(file, 'feature file', FEATURES_HINT)
    for name in names - set(arrays):
        lists = {name + _INDPTR, name + _INDICES}
        if lists <= set(arrays):
            names = names - {name} | lists
    missing = names - set(arrays)
    if missing:
        raise KeyError(f'arrays not found in {file}: {sorted(missing)}')
    return {name: arrays.numbers(name) for name in names}


def _list_width(stored: Mapping[str, np.ndarray],
                arrays: Mapping[str, Mapping[str, str]],
                classes: Optional[Sequence[str]]) -> int:
    """How many classes there are where labels are lists."""
    if classes is not None:
        return len(classes)
    lists = [stored[name] for names in arrays.values()
             if (name := names.get('label', '') + _INDICES) in stored]
    return 1 + max((int(codes.max()) for codes in lists if codes.size),
                   default=0)


def _part(stored: dict[str, np.ndarray], names: Mapping[str, str],
          where: str, width: int) -> dict[str, Any]:
    """The arrays of a split; labels of several classes as lists."""
    if set(names) - {'partner'} != {'image', 'text', 'label'}:
        raise KeyError("each split names its 'image', 'text' and 'label' "
                       f'arrays: {where} names {list(names)}')
    part: dict[str, Any] = {name: stored[key] for name, key in names.items()
                            if name != 'label'}
    label = names['label']
    part['label'] = (
        _label(stored[label], len(part['image']), where) if label in stored
        else _label_lists(stored[label + _INDICES], stored[label + _INDPTR],
                          width, where))
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


def _label(label: np.ndarray, rows: int, where: str) -> _Label:
    """Class numbers (N,) int64; of a matrix of 0, 1 and NaN rows, lists."""
    # MATLAB's labels are a column, or a row.
    if not (label.ndim == 2 and label.shape[1] > 1 and len(label) == rows):
        return np.nan_to_num(label.reshape(-1), nan=-1).astype(np.int64)
    label = label.astype(np.float32)
    lacks = (np.isnan(label) | (label == -1)).all(1)
    if not np.isin(label[~lacks], (0, 1)).all():
        raise ValueError('labels of several columns must be 0 or 1: '
                         f'{where} has {np.unique(label)[:5].tolist()}')
    label[lacks] = np.nan
    return SparseLabels.of_matrix(label)


def _label_lists(codes: np.ndarray, ends: np.ndarray, width: int, where: str
                 ) -> SparseLabels:
    """Labels that stand as lists in the file, checked."""
    for name, array in (('indices', codes), ('indptr', ends)):
        if array.ndim != 1 or array.dtype.kind not in 'iu':
            raise ValueError(
                f'label_..._{name} must be whole numbers (N,): {where} has '
                f'{array.dtype} {array.shape}')
    codes, ends = codes.astype(np.int64), ends.astype(np.int64)
    if not len(ends) or ends[0] or (np.diff(ends) < 0).any() or (
            ends[-1] != len(codes)):
        raise ValueError(
            'label_..._indptr must rise from 0 to the number of class '
            f'numbers, {len(codes)}: {where} has {ends[:3].tolist()} to '
            f'{ends[-1:].tolist()}')
    if len(codes) and (codes.min() < 0 or codes.max() >= width):
        raise ValueError(f'a class number must lie in [0, {width}): {where} '
                         f'has {int(codes.min())} to {int(codes.max())}')
    return SparseLabels(codes, ends, width)


def _lacks_class(label: _Label) -> np.ndarray:
    """Which rows have no class, (N,) bool."""
    return (label.lacks_class() if isinstance(label, SparseLabels)
            else label == -1)


def _known_classes(label: _Label) -> np.ndarray:
    """The classes that rows may have: all values; of lists, all numbers."""
    if isinstance(label, SparseLabels):
        return np.arange(label.num_classes or 0)
    return np.unique(label[~_lacks_class(label)])


def _joined(train: dict[str, Any], val: dict[str, Any], file: str
            ) -> dict[str, Any]:
    """Rows of both."""
    _check_against_train(val, train, 'val', file)
    if ('partner' in train) != ('partner' in val):
        raise ValueError('folds need partners of both splits or of none: '
                         f'{file} has those of one')
    return {name: rows.joined(val[name]) if isinstance(rows, SparseLabels)
            else np.concatenate([rows, val[name]])
            for name, rows in train.items()}


def _thinned(train: dict[str, Any], few: FewLabels) -> dict[str, Any]:
    """The training rows that exist, some robbed of their class."""
    label = train['label']
    rows, labelled = few.kept(_hashable(label))
    robbed = np.array(sorted(set(rows).difference(labelled)), np.int64)
    if isinstance(label, SparseLabels):
        label = label.without(robbed)
    else:
        label = label.copy()
        label[robbed] = -1
    return _take(dict(train, label=label), rows)


def _check_against_train(part: dict[str, Any], train: dict[str, Any],
                         split: str, file: str) -> None:
    for name in ('image', 'text'):
        sizes = part[name].shape[1], train[name].shape[1]
        if sizes[0] != sizes[1]:
            raise ValueError(f'{name} features must have one size: {file} '
                             f'has {sizes[0]} in split {split!r} and '
                             f"{sizes[1]} in 'train'")
    label, trained = part['label'], train['label']
    widths = [getattr(each, 'num_classes', None)
              for each in (label, trained)]
    if widths[0] != widths[1]:
        shapes = [(len(each), *([width] if width else []))
                  for each, width in zip((label, trained), widths,
                                         strict=True)]
        raise ValueError(f'labels must be alike in all splits: {file} has '
                         f'{shapes[0]} in split {split!r} and {shapes[1]} '
                         "in 'train'")
    own, known = (each.codes if isinstance(each, SparseLabels)
                  else each[~_lacks_class(each)] for each in (label, trained))
    strange = np.setdiff1d(own, known)
    if len(strange):
        raise ValueError(
            'every class must have training rows: the labels '
            f'{strange.tolist()} of split {split!r} in {file} have none')


def _hashable(label: _Label) -> Sequence[Any]:
    """Labels that can be counted; None where a row has no class."""
    if isinstance(label, SparseLabels):
        return label.combinations()
    return [None if lacks else own for own, lacks in zip(
        label.tolist(), _lacks_class(label), strict=True)]


def _take(part: dict[str, Any], rows: Sequence[int]) -> dict[str, Any]:
    places = np.array(rows, np.int64)
    return {name: array.take(places) if isinstance(array, SparseLabels)
            else array[places] for name, array in part.items()}


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
