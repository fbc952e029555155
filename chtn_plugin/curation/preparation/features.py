"""Prepare feature files of public supervised-retrieval repositories."""
from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Optional

import numpy as np

from ...datasets.grouping import row_contents
from ...datasets.validation_cut import ValidationCut
from ...storage.arrays import read_arrays
from ...storage.files import atomic_write
from .base import Preparation, Result, claim
from .wiki import LISTS as WIKI_LISTS
from .wiki import list_rows

#: Array names in circulation, the first that is there is taken.
#: SVCL / JFSSL ``I_tr``; RoPH ``y_tr``; XMedia ``I_tr_CNN``, ``trImgCat``;
#: DSCMR ``train_img``, ``train_img_lab``; MRL ``train_imgs_deep``,
#: ``train_texts_labels``; ours ``image_train``.
_SPLITS = {'train': ('tr', 'train'), 'val': ('va', 'valid', 'val'),
           'test': ('te', 'test')}
_PATTERNS = {
    'image': ('image_{long}', '{long}_imgs_deep', '{long}_img',
              '{long}_image', 'I_{short}_CNN', 'I_{short}'),
    'text': ('text_{long}', '{long}_texts_doc', '{long}_texts',
             '{long}_text', '{long}_txt', 'T_{short}_BOW',
             'T_tfidf_{short}', 'T_{short}'),
    'label': ('label_{long}', '{long}_imgs_labels', '{long}_img_lab',
              '{long}_lab', '{long}_label', '{long}_labels', 'y_{short}',
              'L_{short}', '{short}ImgCat'),
}
_MEDIA = {'image': ('I_{}_CNN', '{}ImgCat'), 'text': ('T_{}_BOW', '{}TxtCat'),
          'audio': ('A_{}', '{}AudCat'), 'video': ('V_{}_CNN', '{}VidCat'),
          'model3d': ('d3_{}', '{}3dCat')}
#: Instances of each medium; the features of video are one row a frame.
_XMEDIA_COUNTS = {'image': (4000, 1000), 'text': (4000, 1000),
                  'audio': (800, 200), 'model3d': (400, 100)}
XMEDIA_CLASSES = 20

Arrays = dict[str, np.ndarray]


def candidates(field: str, split: str) -> list[str]:
    """Return the names under which a repository may store an array.

    Args:
        field: ``'image'``, ``'text'`` or ``'label'``.
        split: ``'train'``, ``'val'`` or ``'test'``.
    """
    short, *long = _SPLITS[split]
    return [pattern.format(short=short, long=name)
            for pattern in _PATTERNS[field] for name in long]


def read_features(source: str | Path,
                  names: Optional[Mapping[str, str]] = None,
                  files: Sequence[str] = ()) -> Arrays:
    """Read a feature file, or a folder of them, of any known repository.

    Nothing is unpickled. Labels become class numbers from 0 (N,), from
    numbers of any start or one-hot rows; rows with several ones stay (N, C).
    The Wikipedia features without labels take them from the lists beside
    the file.

    Args:
        source: ``.mat`` (any version), ``.h5``, ``.npz``, or a folder with
            an array a file.
        names: Stored name of an array, as ``{'image_train': 'I_tr_fc7'}``,
            where it is none of the known.
        files: Files of the folder to read; empty: all.

    Returns:
        ``image_train`` (N, D), ``text_train``, ``label_train``, and the same
        of ``test`` and, where stored, ``val``.

    Raises:
        FileNotFoundError: There is no such file.
        KeyError: An array of ``train`` or ``test`` has none of the known
            names; the message lists those that are there.
        ValueError: Arrays differ in length or hold numbers that are not
            finite.
    """
    source, names = Path(source), dict(names or {})
    stored: Arrays = {}
    for file in files or ['']:
        stored.update(read_arrays(source / file))
    labels = _wiki_labels(source)
    result: Arrays = {}
    for split in _SPLITS:
        names_by_field = {
            field: [names.pop(f'{field}_{split}')]
            if f'{field}_{split}' in names else candidates(field, split)
            for field in _PATTERNS}
        chosen = {field: next((name for name in options if name in stored), '')
                  for field, options in names_by_field.items()}
        if not chosen['label'] and split in labels:
            stored[f'label_{split}'] = labels[split]
            chosen['label'] = f'label_{split}'
        if split == 'val' and not chosen['image']:
            continue
        for field, name in chosen.items():
            if not name:
                raise KeyError(
                    f'no {field} array of split {split} in {source}: known '
                    f'names are {names_by_field[field]}, there are '
                    f'{sorted(stored)}. Name it with --array '
                    f'{field}_{split}=NAME')
            result[f'{field}_{split}'] = stored[name]
    if names:
        raise KeyError(f'arrays may be named for {sorted(result)}, got '
                       f'{sorted(names)}')
    _normalise_labels(result)
    _check(result, source)
    return result


def read_xmedia(source: str | Path) -> Arrays:
    """Read ``XMediaFeatures.mat``: five media, 20 classes, 80/20.

    Returns:
        ``{medium}_{split}`` (N, D) and ``{medium}_label_{split}`` (N,) from
        0, for image, text, audio, video (a row a frame) and model3d; and
        ``label_{split}`` of the image/text pairs.

    Raises:
        KeyError: An array is missing.
        ValueError: The counts are not the published ones.
    """
    stored = read_arrays(source)
    result: Arrays = {}
    for medium, patterns in _MEDIA.items():
        for split, short in (('train', 'tr'), ('test', 'te')):
            for pattern, key in zip(patterns, (f'{medium}_{split}',
                                               f'{medium}_label_{split}'),
                                    strict=True):
                name = pattern.format(short)
                if name not in stored:
                    raise KeyError(f'{source} must have {name}, it has '
                                   f'{sorted(stored)}')
                result[key] = stored[name]
    for split in ('train', 'test'):
        for medium in _MEDIA:
            key = f'{medium}_label_{split}'
            result[key] = result[key].ravel().astype(np.int64) - 1
        image, text = (result[f'{medium}_label_{split}']
                       for medium in ('image', 'text'))
        if not np.array_equal(image, text):
            raise ValueError('image and text must be pairs of one class: '
                             f'{source}, split {split}, they are not')
        result[f'label_{split}'] = image
    _check(result, source)
    return result


def _xmedia_problems(arrays: Arrays) -> list[str]:
    problems = []
    for medium, counts in _XMEDIA_COUNTS.items():
        for split, count in zip(('train', 'test'), counts, strict=True):
            total = len(arrays[f'{medium}_{split}'])
            if total != count:
                problems.append(f'{medium} {split} must have {count} rows, '
                                f'found {total}')
    return problems


def _wiki_labels(source: Path) -> Arrays:
    folder = source if source.is_dir() else source.parent
    if not all((folder / name).is_file() for name in WIKI_LISTS.values()):
        return {}
    return {split: np.array([row[2] for row in list_rows(folder / name)])
            for split, name in WIKI_LISTS.items()}


def _normalise_labels(arrays: Arrays) -> None:
    """Turn one-hot rows and numbers from 1 into numbers from 0, in place."""
    names = [name for name in arrays if name.startswith('label_')]
    flat = {}
    for name in names:
        label = arrays[name]
        if label.ndim == 2 and 1 not in label.shape:
            n_items = len(arrays[name.replace('label', 'image')])
            if len(label) != n_items and label.shape[1] == n_items:
                label = label.T
            one_hot = np.isin(label, (0, 1)).all() and (
                label.sum(axis=1) == 1).all()
            flat[name] = label.argmax(axis=1) if one_hot else label
        else:
            flat[name] = label.ravel()
    first = min(int(label.min()) for label in flat.values())
    for name, label in flat.items():
        whole = label.astype(np.int64)
        if not np.array_equal(whole, label):
            raise ValueError(f'labels must be whole numbers, {name} is not')
        numbers = label.ndim == 1 and all(
            other.ndim == 1 for other in flat.values())
        arrays[name] = whole - first if numbers else whole


def _check(arrays: Arrays, source: str | Path) -> None:
    for name, array in arrays.items():
        if 'label' not in name and (
                array.ndim != 2 or not np.isfinite(array).all()):
            raise ValueError(f'features must be finite numbers (N, D): '
                             f'{name} of {source} is not')
        prefix, _, split = name.rpartition('_')
        label = arrays.get(f'{prefix}_label_{split}',
                           arrays.get(f'label_{split}', array))
        if len(array) != len(label):
            raise ValueError(
                f'an array must have a row an item: {name} of {source} has '
                f'{len(array)} rows, the labels {len(label)}')


def _write(out: Path, arrays: Arrays, note: str) -> Result:
    small: dict[str, Any] = {
        name: array if 'label' in name else array.astype(np.float32)
        for name, array in arrays.items()}
    claim(out, ['features.npz'])
    with atomic_write(out / 'features.npz') as file:
        np.savez(file, **small)
    lines = [f'{name:<20} {str(array.shape):<14} {array.dtype}'
             for name, array in sorted(small.items())]
    for split in _SPLITS:
        label = small.get(f'label_{split}')
        if label is not None and label.ndim == 1:
            lines.append(f'{split} items by class: '
                         + ' '.join(map(str, np.bincount(label))))
    return Result(['features.npz'], '\n'.join(lines + [note]),
                  {'shapes': {name: list(array.shape)
                              for name, array in small.items()}})


def _cut_validation(arrays: Arrays, fraction: Optional[float], seed: int
                    ) -> str:
    """Move a share of the training rows to ``val``, in place."""
    if 'image_val' in arrays or fraction is None:
        return 'validation split as stored' if 'image_val' in arrays else ''
    label = arrays['label_train']
    held_out = np.zeros(len(label), bool)
    held_out[ValidationCut(fraction, seed).rows(
        [tuple(row) for row in np.atleast_2d(label.T).T],
        *(row_contents(arrays[f'{name}_train'])
          for name in ('image', 'text')))] = True
    for field in ('image', 'text', 'label'):
        rows = arrays[f'{field}_train']
        arrays[f'{field}_val'] = rows[held_out]
        arrays[f'{field}_train'] = rows[~held_out]
    return f'validation cut from training by class, seed {seed}'


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--file', nargs='+', default=[],
                        help='feature files within the source folder; '
                        'default: every .mat, .h5 and .npz there')
    parser.add_argument('--array', action='append', default=[],
                        metavar='OURS=THEIRS',
                        help='stored name of an array, as '
                        'image_train=I_tr_fc7')
    parser.add_argument('--val-fraction', type=float,
                        help='share of the training rows to validate on, '
                        'where none are stored (default: none; the data set '
                        'cuts them itself)')
    parser.add_argument('--seed', type=int, default=0,
                        help='seed of that cut (default: %(default)s)')


def _run(root: Path, out: Path, options: argparse.Namespace) -> Result:
    for entry in options.array:
        if '=' not in entry:
            raise ValueError('--array must read OURS=THEIRS, as '
                             f'image_train=I_tr, got {entry!r}')
    names = dict(entry.split('=', 1) for entry in options.array)
    arrays = read_features(root, names, options.file)
    return _write(out, arrays, _cut_validation(
        arrays, options.val_fraction, options.seed))


def _run_xmedia(root: Path, out: Path, options: argparse.Namespace) -> Result:
    arrays = read_xmedia(root / options.file)
    problems = _xmedia_problems(arrays)
    if problems and not options.allow_other_counts:
        raise ValueError(f'{root} does not hold the XMedia features: '
                         + '; '.join(problems[:5]))
    return _write(out, arrays, 'the features of video are one row a frame')


def _add_xmedia_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--file', default='XMediaFeatures.mat',
                        help='feature file in the source folder '
                        '(default: %(default)s)')
    parser.add_argument('--allow-other-counts', action='store_true',
                        help='accept a part of the set')


FEATURES = Preparation(
    'features', 'feature files of the public repositories (.mat, .h5, .npz): '
    'a folder or archive; array names are recognised', _run, 'features',
    add_arguments=_add_arguments,
    needs='see docs/data.md for the array names that are known')
XMEDIA = Preparation(
    'xmedia', 'XMedia features, five media in 20 classes: the folder with '
    'XMediaFeatures.mat', _run_xmedia, 'xmedia',
    add_arguments=_add_xmedia_arguments,
    needs='the authors give XMediaFeatures.mat on request, see '
    'http://39.108.48.32/mipl/XMedia/')
