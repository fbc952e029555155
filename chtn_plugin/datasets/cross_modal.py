"""The target domain: a data set of image/text pairs with class labels."""
from __future__ import annotations

import dataclasses
import logging
import os.path as osp
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Optional

import numpy as np
import torch
from mmengine.dataset import BaseDataset
from mmengine.logging import print_log
from mmengine.registry import DATASETS, TRANSFORMS

from ..checks import check_choice
from ..storage.arrays import ArrayFile
from ..text.text_transform import TextTransform
from .class_numbers import ClassNumbers
from .collate import cross_modal_collate
from .few_labels import FewLabels
from .grouping import folded, row_contents
from .images import load_images
from .manifest import PairRecord, shared_manifest
from .validation_cut import ValidationCut


@DATASETS.register_module()
class CrossModalDataset(BaseDataset):
    """The pairs of one split of a manifest (see :func:`read_manifest`).

    Whatever is learned from texts (a vocabulary) is learned from the rows of
    ``fit_split`` alone, whichever split this data set serves.

    An item: ``inputs``: ``image`` (channels, H, W) or (D,), ``text`` (D,) or
    a dictionary of tensors; ``data_samples``: ``label`` (class index, or a
    multi-hot (C,) vector in multi-label data; -1, or a row of NaN, where the
    pair has no class), ``sample_idx``, ``image_idx``
    and ``text_idx`` (equal where two items share an image or text; -1 where
    the item has none, then its input is zero), ``same_text_idx`` (the
    ``text_idx`` of the first item whose text has the same words).

    Args:
        ann_file: The manifest, relative to ``data_root``.
        text: The text transform, such as ``dict(type='BagOfWords')``.
        pipeline: Image transforms; they end in one image size.
        data_root: Folder of the manifest and of its image paths.
        split: Which rows to serve.
        fit_split: Whose texts the text transform is fitted to.
        text_mode: What to do with several texts of an image: ``'join'`` them
            to one, or make ``'each'`` an item.
        image_features: Ready features instead of image files:
            ``dict(file=..., key=...)``, an ``.npz`` whose array holds one
            row for each row of the manifest, (N, D).
        unpaired: Rows that lack an image or a text: ``'error'``, ``'drop'``
            or ``'keep'`` (for evaluation: they serve as query and gallery
            items of the one modality they have).
        val_fraction: Share of the ``fit_split`` rows, of every class alike,
            that becomes split ``'val'``, where the manifest has none; 0: none.
            Rows with equal images, or a text in common, stay on one side;
            one without a class goes where such a row goes, and stays in
            training otherwise. The data sets of all splits need the same.
        val_seed: Which share that is.
        fraction: Share of the remaining ``fit_split`` rows that keep their
            class, taken from every class alike, for experiments with few
            labels.
        fraction_seed: Which share that is.
        per_class: In place of ``fraction``: how many rows a class.
        rest: What becomes of the others: ``'drop'`` (they do not exist) or
            ``'unlabelled'``; see
            :class:`~chtn_plugin.datasets.few_labels.FewLabels`.
        only: ``'labelled'`` or ``'unlabelled'``: serve these rows alone. The
            text transform is fitted to both, so that both are alike.
        classes: Class names in label order. None: those of ``fit_split``,
            sorted.
        columns: Manifest columns by another name (see ``read_manifest``).
        label_separator: Splits the class field of multi-label data.
        metainfo: More meta information.
        test_mode: As everywhere in MMEngine; has no effect here.
        lazy_init: Whether to read nothing until first use.

    Raises:
        FileNotFoundError: The manifest or feature file is missing.
        ValueError: The manifest is broken, the split is empty, a class is
            unknown, the features do not match the manifest, ...
    """

    def __init__(self,
                 ann_file: str,
                 text: dict | TextTransform,
                 pipeline: Sequence = (),
                 data_root: str = '',
                 split: str = 'train',
                 fit_split: str = 'train',
                 text_mode: str = 'join',
                 image_features: Optional[dict] = None,
                 unpaired: str = 'error',
                 val_fraction: float = 0.0,
                 val_seed: int = 0,
                 fraction: float = 1.0,
                 fraction_seed: int = 0,
                 classes: Optional[Sequence[str]] = None,
                 columns: Optional[dict] = None,
                 label_separator: Optional[str] = None,
                 metainfo: Optional[dict] = None,
                 test_mode: bool = False,
                 lazy_init: bool = False,
                 per_class: Optional[int] = None,
                 rest: str = 'drop',
                 only: Optional[str] = None) -> None:
        for name, value, known in (
            ('text_mode', text_mode, ('join', 'each')),
            ('unpaired', unpaired, ('error', 'drop', 'keep'))):
            check_choice(name, value, known)
        if image_features is None and not pipeline:
            raise ValueError('either a pipeline that loads the images or '
                             'image_features is needed')
        self.text_transform = (text if isinstance(text, TextTransform) else
                               TRANSFORMS.build(text))
        self.split = split
        self.fit_split = fit_split
        self.text_mode = text_mode
        self.unpaired = unpaired
        self.image_features = image_features
        # Not val_fraction: layouts that cut by themselves have their own.
        self._val_cut = ValidationCut(val_fraction, val_seed)
        self._few = FewLabels(fraction, per_class, rest, only, fraction_seed)
        self.columns = columns
        self.label_separator = label_separator
        metainfo = dict(metainfo or {})
        if classes is not None:
            metainfo['classes'] = tuple(classes)
        super().__init__(
            ann_file=ann_file,
            metainfo=metainfo,
            data_root=data_root,
            pipeline=list(pipeline),
            serialize_data=False,
            test_mode=test_mode,
            lazy_init=lazy_init)

    def full_init(self) -> None:
        """Read the manifest, fit the text transform, encode the texts."""
        if self._fully_initialized:
            return
        super().full_init()
        if self.data_list:
            self._texts = self.text_transform.encode(
                [info['text'] for info in self.data_list])
        self._metainfo['text'] = self.text_transform.state()

    def read_records(self) -> list[PairRecord]:
        """Read all rows of all splits; another layout overrides this."""
        return shared_manifest(self.ann_file, self.columns,
                               self.label_separator)

    def load_data_list(self) -> list[dict[str, Any]]:
        """Return a dictionary an item; MMEngine's ``full_init`` calls it."""
        # Not in metainfo above: MMEngine reads a string there as a file.
        self._metainfo['split'] = self.split
        records = self.read_records()
        self._features = self._load_features(len(records))
        self._cut_validation(records)
        rows = list(enumerate(records))
        fit = [pair for pair in rows if pair[1].split == self.fit_split]
        if not fit:
            raise ValueError(
                f'split {self.fit_split!r} must have rows: {self.ann_file} '
                f'has the splits {sorted({r.split for r in records})}')
        fit = self._thinned(fit)
        self.text_transform.fit([self._joined(r) for _, r in fit if r.texts])
        self._metainfo.setdefault('classes', tuple(sorted(
            {name for _, r in fit for name in r.classes})))

        if not self._metainfo['classes']:
            raise ValueError('some training pairs must have a class: in '
                             f'split {self.fit_split!r} of {self.ann_file} '
                             'none has')
        self._numbers = ClassNumbers(
            self._metainfo['classes'], self.label_separator is not None,
            self.fit_split)
        serve = fit if self.split == self.fit_split else [
            pair for pair in rows if pair[1].split == self.split]
        serve = [pair for pair in serve
                 if self._few.serves(bool(pair[1].classes))]
        items = [item for row, record in serve
                 for item in self._items(row, record)]
        # Check the labels of all splits now, so that a class that is tested
        # but never trained is reported before training starts.
        for record in records:
            if record.split != self.fit_split:
                self._numbers.of(record)
        # The training split may lack unlabelled pairs.
        if not items and self._few.only != 'unlabelled':
            raise ValueError(
                f'split {self.split!r} must have rows: {self.ann_file} has '
                f'the splits {sorted({r.split for r in records})}')
        first: dict[str, int] = {}
        for text_idx, item in enumerate(items):
            item['text_idx'] = text_idx if item['text'] else -1
            item['same_text_idx'] = first.setdefault(
                folded(item['text']) or item['text'], item['text_idx'])
        return items

    def _thinned(self, fit: list[tuple[int, PairRecord]]
                 ) -> list[tuple[int, PairRecord]]:
        """The training rows that exist, some robbed of their class."""
        kept, labelled = self._few.kept(
            [record.classes[0] if record.classes else None
             for _, record in fit])
        known = set(labelled)
        return [fit[i] if i in known else
                (fit[i][0], dataclasses.replace(fit[i][1], classes=()))
                for i in kept]

    def _cut_validation(self, records: list[PairRecord]) -> None:
        """Move a share of the training rows to split ``'val'``, in place."""
        if not self._val_cut.fraction:
            return
        if any(record.split == 'val' for record in records):
            if self.split == 'val':
                print_log(f"{self.ann_file} has a split 'val' of its own: "
                          'val_fraction has no effect', logger='current')
            return
        features = self._features
        records[:] = self._val_cut.records(
            records, Path(self.data_root), split=self.fit_split,
            images=None if features is None else
            lambda rows: row_contents(features[rows].numpy()))

    def _joined(self, record: PairRecord) -> str:
        return ' '.join(record.texts)

    def _items(self, row: int, record: PairRecord) -> list[dict[str, Any]]:
        if record.image is None or not record.texts:
            lacks = 'image' if record.image is None else 'text'
            if self.unpaired == 'error':
                raise ValueError(
                    f'a pair must have both image and text: {record.where} '
                    f"has no {lacks} (unpaired='drop' or 'keep' allows it)")
            if self.unpaired == 'drop':
                print_log(f'{record.where} has no {lacks}: left out',
                          logger='current', level=logging.WARNING)
                return []
        texts = ([self._joined(record)] if self.text_mode == 'join'
                 or not record.texts else record.texts)
        path = record.image and osp.join(self.data_root, record.image)
        if path and self.image_features is None and not osp.isfile(path):
            raise FileNotFoundError(f'image not found: {path}, named at '
                                    f'{record.where}')
        return [dict(id=record.id, img_path=path, text=text,
                     classes=record.classes, label=self._numbers.of(record),
                     image_idx=row if path else -1) for text in texts]

    def _load_features(self, num_rows: int) -> Optional[torch.Tensor]:
        if self.image_features is None:
            return None
        path = osp.join(self.data_root, self.image_features['file'])
        features = torch.from_numpy(ArrayFile(path, 'feature file').numbers(
            self.image_features['key']).astype(np.float32))
        if features.dim() != 2 or len(features) != num_rows:
            raise ValueError(
                'features must be (N, D) with one row for each row of the '
                f'manifest: {path} has {tuple(features.shape)}, '
                f'{self.ann_file} has {num_rows} rows')
        return features

    def __getitem__(self, index: int) -> dict[str, Any]:
        """One item; see the class."""
        info = self.get_data_info(int(index))
        text = self._texts.take([int(index)])
        text = ({k: v[0] for k, v in text.items()} if isinstance(text, dict)
                else text[0])
        return dict(
            inputs=dict(image=self._image(index), text=text),
            data_samples=dict(
                label=self._numbers.tensor([info['label']])[0],
                **{name: torch.as_tensor(info[name]) for name in (
                    'sample_idx', 'image_idx', 'text_idx',
                    'same_text_idx')}))

    def __getitems__(self, indices: Sequence[int]) -> dict[str, Any]:
        """A batch, (B, ...) each; what data loaders call."""
        infos = [self.data_list[int(index)] for index in indices]
        samples = {name: torch.tensor([info[name] for info in infos])
                   for name in ('image_idx', 'text_idx', 'same_text_idx')}
        samples['label'] = self._numbers.tensor(
            [info['label'] for info in infos])
        samples['sample_idx'] = torch.tensor([int(i) for i in indices])
        rows = samples['image_idx']
        if self._features is not None and (rows >= 0).all():
            image = self._features[rows]
        else:
            image = cross_modal_collate(
                [dict(image=image) for image in self._images(indices)]
            )['image']
        return dict(
            inputs=dict(image=image,
                        text=self._texts.take([int(i) for i in indices])),
            data_samples=samples)

    def _image(self, index: int) -> torch.Tensor:
        return self._images([index])[0]

    def _images(self, indices: Sequence[int]) -> list[torch.Tensor]:
        infos = [self.data_list[int(index)] for index in indices]
        present = [i for i, info in enumerate(infos) if info['image_idx'] >= 0]
        if self._features is not None:
            found = [self._features[infos[i]['image_idx']] for i in present]
        else:
            found = load_images([infos[i]['img_path'] for i in present],
                                self.pipeline, [indices[i] for i in present])
        images = dict(zip(present, found, strict=True))
        if len(images) < len(infos):
            missing = torch.zeros_like(found[0] if found else
                                       self._any_image())
            return [images.get(i, missing) for i in range(len(infos))]
        return found

    def _any_image(self) -> torch.Tensor:
        """Some image, whose shape a missing one takes."""
        for index, info in enumerate(self.data_list):
            if info['image_idx'] >= 0:
                return self._image(index)
        raise ValueError(f'a split needs at least one image: {self.split!r} '
                         f'of {self.ann_file} has none')
