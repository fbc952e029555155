"""Read embeddings of any origin: .npz, .mat, .h5 and .npy files."""
from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Optional

import numpy as np

from ..storage.arrays import ArrayFile
from .embeddings import EMBEDDINGS_HINT, PARTS, Embeddings

# Our own names first, then those of public supervised-retrieval code: DSCMR,
# ACMR and CLIP4CMR style feature files, MRL and SDML, torchcmh and DCMH.
_NAMES: dict[str, tuple[str, ...]] = {
    'image': ('image', 'images', 'img', 'imgs', 'image_repr', 'image_emb',
              'image_embeddings', 'image_features', 'img_features',
              'img_feats', 'test_img', 'test_image', 'test_imgs_deep',
              'test_img_deep', 'test_imgs', 'te_img', 'I_te', 'I_test',
              'q_img', 'query_img', 'view1_feature'),
    'text': ('text', 'texts', 'txt', 'txts', 'text_repr', 'text_emb',
             'text_embeddings', 'text_features', 'txt_features',
             'txt_feats', 'test_txt', 'test_text', 'test_texts',
             'test_texts_doc', 'test_texts_idx', 'te_txt', 'T_te', 'T_test',
             'q_txt', 'query_txt', 'view2_feature'),
    'label': ('label', 'labels', 'gt', 'gt_label', 'test_lab', 'test_label',
              'test_labels', 'te_label', 'L_te', 'q_l', 'query_L'),
    'image_label': ('image_label', 'image_labels', 'img_label',
                    'img_labels', 'test_img_lab', 'test_img_label',
                    'test_img_labels', 'test_imgs_labels', 'I_labels_test'),
    'text_label': ('text_label', 'text_labels', 'txt_label', 'txt_labels',
                   'test_txt_lab', 'test_txt_label', 'test_text_labels',
                   'test_texts_labels', 'T_labels_test'),
    'image_id': ('image_id', 'image_ids'),
    'text_id': ('text_id', 'text_ids'),
    'image_pair': ('image_pair', ),
    'text_pair': ('text_pair', ),
    'gallery_image': ('gallery_image', 'r_img', 'retrieval_img'),
    'gallery_text': ('gallery_text', 'r_txt', 'retrieval_txt'),
    'gallery_label': ('gallery_label', 'r_l', 'retrieval_L'),
}
FIELDS = tuple(_NAMES)
_FEATURES = ('image', 'text', 'gallery_image', 'gallery_text')
_VIEWS = ('test_fea', 'test_feature', 'features', 'feature')


def read_embeddings(paths: Sequence[str | Path],
                    labels: Sequence[str | Path] = (),
                    fields: Optional[Mapping[str, str]] = None,
                    row_pairs: bool = False) -> Embeddings:
    """Read embeddings, recognising the usual layouts by their field names.

    Args:
        paths: One file with everything; or a file of the images and one of
            the texts, as ``.npy`` or with one set of features each.
        labels: ``.npy`` or text files with the labels: one for both
            modalities, or images' and texts'.
        fields: Array to take for a field of :data:`FIELDS`, as
            ``dict(image='img_feat_final')``.
        row_pairs: Row i of the images and row i of the texts are partners.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A file cannot be read, a field is missing, or two known
            names fit one field; the message lists what the file holds.
    """
    if not 1 <= len(paths) <= 2:
        raise ValueError('embeddings come in one file, or in two (images, '
                         f'texts), got {len(paths)}')
    unknown = set(fields or ()) - set(FIELDS)
    if unknown:
        raise ValueError(f'a field must be one of {", ".join(FIELDS)}, got '
                         f'{", ".join(sorted(unknown))}')
    contents = [ArrayFile(path, 'embeddings', EMBEDDINGS_HINT)
                for path in paths]
    columns: dict[str, Any] = {}
    if len(contents) == 2:
        for part, content, path in zip(PARTS, contents, paths, strict=True):
            columns.update(_one_modality(part, content, str(path),
                                         fields or {}))
    else:
        columns = _all_fields(contents[0], str(paths[0]), fields or {})
    columns.update(_label_files(labels))
    for part in PARTS:
        if f'{part}_label' not in columns and 'label' in columns:
            columns[f'{part}_label'] = columns['label']
    columns.update(_labels({name: columns[name] for name in (
        'image_label', 'text_label', 'gallery_label') if name in columns}))
    if row_pairs:
        counts = [len(columns.get(part, ())) for part in PARTS]
        if counts[0] != counts[1]:
            raise ValueError('pairs by row need as many images as texts, got '
                             f'{counts[0]} and {counts[1]}')
        columns['image_pair'] = columns['text_pair'] = np.arange(counts[0])
    return _embeddings(columns, ' and '.join(map(str, paths)))


def _embeddings(values: dict[str, Any], where: str) -> Embeddings:
    arguments: dict[str, Any] = {}
    for part in PARTS:
        if part in values:
            if f'{part}_label' not in values and f'{part}_pair' not in values:
                raise ValueError(f'{where}: no labels for {part}; name them '
                                 'or give a file of labels')
            rows = np.asarray(values[part])
            arguments[part] = rows
            arguments[f'{part}_label'] = values.get(f'{part}_label')
            if f'{part}_pair' in values:
                arguments[f'{part}_pair'] = np.ravel(values[f'{part}_pair'])
            if f'{part}_id' in values:
                arguments[f'{part}_id'] = np.ravel(values[f'{part}_id'])
    if not arguments:
        raise ValueError(f'{where}: no image or text embeddings found')
    gallery = None
    if 'gallery_image' in values or 'gallery_text' in values:
        if 'gallery_label' not in values:
            raise ValueError(f'{where}: the gallery needs labels')
        label = values['gallery_label']
        gallery = Embeddings(
            image=values.get('gallery_image'), text=values.get('gallery_text'),
            image_label=label if 'gallery_image' in values else None,
            text_label=label if 'gallery_text' in values else None)
    try:
        return Embeddings(
            **arguments, gallery=gallery,
            classes=tuple(map(str, np.ravel(values.get('classes', [])))),
            meta=json.loads(str(values['meta'])) if 'meta' in values else {})
    except ValueError as error:
        raise ValueError(f'{where}: {error}') from None


def _all_fields(content: ArrayFile, where: str,
                fields: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {
        key: content[key] for key in ('classes', 'meta') if key in content}
    for field, names in _NAMES.items():
        name = _choose(content, field, names, where, fields)
        if name is not None:
            values[field] = (content.numbers(name) if field in _FEATURES
                             else content[name])
    if 'image' not in values and 'text' not in values:
        views = next((content.numbers(v) for v in _VIEWS if v in content),
                     None)
        if views is not None and views.ndim == 3 and len(views) == 2:
            values['image'], values['text'] = views
        else:
            raise ValueError(f'{where}: no image or text embeddings found '
                             f'among {", ".join(sorted(content))}; name '
                             'the fields')
    return values


def _one_modality(part: str, content: ArrayFile, where: str,
                  fields: Mapping[str, str]) -> dict[str, Any]:
    """Fields of a file that holds the images or the texts only."""
    values = {}
    name = _choose(content, part, (*_NAMES[part], *_VIEWS, ''), where,
                   fields)
    if name is None:
        raise ValueError(f'{where}: no {part} embeddings found among '
                         f'{", ".join(sorted(content))}; name the field')
    values[part] = content.numbers(name)
    for end in ('label', 'id', 'pair'):
        names = _NAMES[f'{part}_{end}']
        if end == 'label':
            names += _NAMES['label']
        label = _choose(content, f'{part}_{end}', names, where, fields)
        if label is not None:
            values[f'{part}_{end}'] = content[label]
    return values


def _choose(content: ArrayFile, field: str,
            names: Sequence[str], where: str,
            fields: Mapping[str, str]) -> Optional[str]:
    if field in fields:
        if fields[field] not in content:
            raise ValueError(f'{where}: no array {fields[field]!r}, there '
                             f'are {", ".join(sorted(content))}')
        return fields[field]
    there = [name for name in names if name in content]
    if names and there[:1] == list(names[:1]):
        return there[0]  # our own layout
    if len(there) > 1:
        raise ValueError(f'{where}: {field} could be any of '
                         f'{", ".join(there)}; name the field')
    return there[0] if there else None


def _label_files(paths: Sequence[str | Path]) -> dict[str, Any]:
    if len(paths) > 2:
        raise ValueError('labels come in one file, or in two (images\', '
                         f'texts\'), got {len(paths)}')
    loaded = []
    for path in map(Path, paths):
        if path.suffix in ('.txt', '.csv', '.tsv'):
            loaded.append(_label_lines(path))
        else:
            content = ArrayFile(path, 'labels')
            if len(content) != 1:
                raise ValueError(f'{path}: a file of labels must hold one '
                                 f'array, got {", ".join(sorted(content))}')
            loaded.append(next(iter(content.values())))
    names = ('image_label', 'text_label')
    if len(loaded) == 1:
        loaded *= 2
    return dict(zip(names, loaded, strict=False))


def _label_lines(path: Path) -> np.ndarray:
    """A label a line: class numbers, -1 where it is unknown, or names."""
    try:
        text = path.read_text(encoding='utf-8-sig')
    except UnicodeDecodeError as error:
        raise ValueError(f'{path}: a file of labels must be UTF-8, it holds '
                         f'other bytes at {error.start}') from error
    lines = [line.strip() for line in text.split('\n') if line.strip()]
    if all(re.fullmatch(r'-?\d{1,18}', line) for line in lines):
        return np.array(lines, dtype=np.int64)
    return np.array(lines)


def _labels(labels: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Each of the labels as (N,), or all as (N, C).

    Rows of 0 and 1 become class numbers where all of them have one 1; where
    some of one side have several, both sides stay rows, or they could not be
    compared.
    """
    columns = {}
    for name, rows in labels.items():
        rows = np.asarray(rows)
        if rows.ndim == 2 and 1 in rows.shape:
            rows = rows.ravel()
        columns[name] = rows
    hot = [name for name, rows in columns.items()
           if rows.ndim == 2 and rows.dtype.kind in 'biuf']
    if all(_is_one_hot(columns[name]) for name in hot):
        columns.update({name: columns[name].argmax(1) for name in hot})
    return columns


def _is_one_hot(rows: np.ndarray) -> bool:
    return bool(((rows == 0) | (rows == 1)).all()
                and (rows.sum(1) == 1).all())
