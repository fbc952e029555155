"""The target domain: a data set of image/text pairs with class labels."""
from __future__ import annotations

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
from ..storage.arrays import FEATURES_HINT, ArrayFile
from ..storage.shards import is_file
from ..storage.text_column import ends_of, spread
from ..text.text_transform import TextTransform
from .class_numbers import ClassNumbers
from .collate import cross_modal_collate
from .few_labels import FewLabels
from .grouping import row_contents
from .images import load_images
from .item_table import ItemTable
from .manifest import PairRecord, shared_manifest
from .manifest_rows import JoinedTexts, Manifest
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
        fold: ``(k, K)`` for cross-validation: in place of ``val_fraction``,
            the rows of ``fit_split`` and of a split ``'val'`` that is there
            are dealt to K folds by ``val_seed``, and the k-th, counted from
            0, becomes ``'val'``.
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
                 only: Optional[str] = None,
                 fold: Optional[Sequence[int]] = None) -> None:
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
        self._val_cut = ValidationCut(
            val_fraction, val_seed, None if fold is None else tuple(fold))
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
        if len(self.data_list):
            self._texts = self.text_transform.encode(self.data_list.texts)
        self._metainfo['text'] = self.text_transform.state()

    def read_records(self) -> Sequence[PairRecord]:
        """Read all rows of all splits; another layout overrides this."""
        return shared_manifest(self.ann_file, self.columns,
                               self.label_separator)

    def load_data_list(self) -> ItemTable:
        """Return an item each; MMEngine's ``full_init`` calls it."""
        # Not in metainfo above: MMEngine reads a string there as a file.
        self._metainfo['split'] = self.split
        manifest = Manifest.of(self.read_records())
        self._features = self._load_features(len(manifest))
        manifest = self._cut_validation(manifest)
        fit = manifest.rows_of(self.fit_split)
        if not len(fit):
            raise ValueError(
                f'split {self.fit_split!r} must have rows: {self.ann_file} '
                f'has the splits {manifest.splits()}')
        fit, keeps_class = self._thinned(manifest, fit)
        texts = JoinedTexts(manifest, fit[_counts(manifest.text_ends, fit)
                                          > 0])
        self.text_transform.fit(texts)
        self._metainfo.setdefault('classes', tuple(sorted(
            manifest.class_names[code] for code in np.unique(
                _codes(manifest, fit[keeps_class])).tolist())))
        if not self._metainfo['classes']:
            raise ValueError('some training pairs must have a class: in '
                             f'split {self.fit_split!r} of {self.ann_file} '
                             'none has')
        rows, has_class = (fit, keeps_class)
        if self.split != self.fit_split:
            rows = manifest.rows_of(self.split)
            has_class = _counts(manifest.class_ends, rows) > 0
        if self._few.only is not None:
            serves = has_class == (self._few.only == 'labelled')
            rows, has_class = rows[serves], has_class[serves]
        rows, has_class, numbers = self._items(manifest, rows, has_class)
        # The training split may lack unlabelled pairs.
        if not len(rows) and self._few.only != 'unlabelled':
            raise ValueError(
                f'split {self.split!r} must have rows: {self.ann_file} has '
                f'the splits {manifest.splits()}')
        numbered = ClassNumbers(
            self._metainfo['classes'], self.label_separator is not None,
            self.fit_split)
        labels = numbered.labels(manifest, rows, has_class)
        # Check the labels of all splits now, so that a class that is tested
        # but never trained is reported before training starts.
        others = np.flatnonzero(
            np.array(manifest.split_names)[manifest.split_codes]
            != self.fit_split)
        numbered.labels(manifest, others)
        return ItemTable.of(manifest, self.data_root, rows, numbers, labels,
                            has_class)

    def _get_unserialized_subset(self, indices: Sequence[int] | int
                                 ) -> ItemTable:
        """What MMEngine's ``get_subset`` keeps, as a table too."""
        if isinstance(indices, int):
            return (self.data_list[:indices] if indices >= 0
                    else self.data_list[indices:])
        return self.data_list.take(indices)

    def _thinned(self, manifest: Manifest, fit: np.ndarray
                 ) -> tuple[np.ndarray, np.ndarray]:
        """The training rows that exist, and which of them have a class."""
        has_class = _counts(manifest.class_ends, fit) > 0
        if self._few.keeps_all:
            return fit, has_class
        first = np.full(len(fit), -1, np.int64)
        first[has_class] = manifest.class_codes[
            manifest.class_ends[fit[has_class]]]
        kept, labelled = self._few.kept(
            [None if code < 0 else manifest.class_names[code]
             for code in first.tolist()])
        known = np.zeros(len(fit), bool)
        known[labelled] = True
        return fit[kept], known[kept]

    def _cut_validation(self, manifest: Manifest) -> Manifest:
        """Move a share of the training rows to split ``'val'``."""
        cut = self._val_cut
        if not cut.fraction and cut.fold is None:
            return manifest
        if cut.fold is not None:
            manifest = manifest.moved(manifest.rows_of('val').tolist(),
                                      self.fit_split)
        elif len(manifest.rows_of('val')):
            if self.split == 'val':
                print_log(f"{self.ann_file} has a split 'val' of its own: "
                          'val_fraction has no effect', logger='current')
            return manifest
        features = self._features
        return manifest.moved(cut.chosen(
            manifest, Path(self.data_root), split=self.fit_split,
            images=None if features is None else
            lambda rows: row_contents(features[rows].numpy())), 'val')

    def _items(self, manifest: Manifest, rows: np.ndarray,
               has_class: np.ndarray
               ) -> tuple[np.ndarray, np.ndarray, Optional[np.ndarray]]:
        """Rows of the items, whether each has a class, and its text."""
        lacks_image = _counts(manifest.images.ends, rows) == 0
        num_texts = _counts(manifest.text_ends, rows)
        lacks = lacks_image | (num_texts == 0)
        if lacks.any() and self.unpaired != 'keep':
            for place in np.flatnonzero(lacks).tolist():
                where = manifest.where(int(rows[place]))
                what = 'image' if lacks_image[place] else 'text'
                if self.unpaired == 'error':
                    raise ValueError(
                        f'a pair must have both image and text: {where} has '
                        f"no {what} (unpaired='drop' or 'keep' allows it)")
                print_log(f'{where} has no {what}: left out',
                          logger='current', level=logging.WARNING)
            whole = ~lacks
            rows, has_class, num_texts, lacks_image = (
                column[whole] for column in (rows, has_class, num_texts,
                                             lacks_image))
        if self.image_features is None:
            self._check_images(manifest, rows[~lacks_image])
        if self.text_mode == 'join':
            return rows, has_class, None
        counts = np.maximum(num_texts, 1)
        numbers = np.arange(int(counts.sum())) - np.repeat(
            ends_of(counts)[:-1], counts)
        return np.repeat(rows, counts), np.repeat(has_class, counts), numbers

    def _check_images(self, manifest: Manifest, rows: np.ndarray) -> None:
        """Refuse a row whose image is not there."""
        for row in rows.tolist():
            path = osp.join(self.data_root, manifest.images[row])
            if not is_file(path):
                raise FileNotFoundError(f'image not found: {path}, named at '
                                        f'{manifest.where(row)}')

    def _load_features(self, num_rows: int) -> Optional[torch.Tensor]:
        if self.image_features is None:
            return None
        path = osp.join(self.data_root, self.image_features['file'])
        arrays = ArrayFile(path, 'feature file', FEATURES_HINT)
        features = torch.from_numpy(arrays.numbers(
            self.image_features['key']).astype(np.float32, copy=False))
        if features.dim() != 2 or len(features) != num_rows:
            raise ValueError(
                'features must be (N, D) with one row for each row of the '
                f'manifest: {path} has {tuple(features.shape)}, '
                f'{self.ann_file} has {num_rows} rows')
        return features

    def __getitem__(self, index: int) -> dict[str, Any]:
        """One item; see the class."""
        # A place counted from the end stands for one from the beginning.
        place = np.array([range(len(self))[index]])
        text = self._text(place)
        return dict(
            inputs=dict(image=self._image(index),
                        text={k: v[0] for k, v in text.items()}
                        if isinstance(text, dict) else text[0]),
            data_samples={name: value[0] for name, value in
                          self._samples(place).items()})

    def __getitems__(self, indices: Sequence[int]) -> dict[str, Any]:
        """A batch, (B, ...) each; what data loaders call."""
        places = np.fromiter(indices, np.int64, len(indices))
        samples = self._samples(places)
        rows = samples['image_idx']
        if self._features is not None and bool((rows >= 0).all()):
            image = self._features[rows]
        else:
            image = cross_modal_collate(
                [dict(image=image) for image in self._images(indices)]
            )['image']
        return dict(inputs=dict(image=image, text=self._text(places)),
                    data_samples=samples)

    def _samples(self, places: np.ndarray) -> dict[str, torch.Tensor]:
        """What a batch has beside its inputs."""
        samples = {name: torch.from_numpy(getattr(self.data_list, name)[
            places]) for name in ('image_idx', 'text_idx', 'same_text_idx')}
        samples['label'] = self.data_list.labels.tensor(places)
        samples['sample_idx'] = torch.from_numpy(places)
        return samples

    def _text(self, places: np.ndarray
              ) -> torch.Tensor | dict[str, torch.Tensor]:
        return self._texts.take(self.data_list.places[places].tolist())

    def _image(self, index: int) -> torch.Tensor:
        return self._images([index])[0]

    def _images(self, indices: Sequence[int]) -> list[torch.Tensor]:
        rows = [int(self.data_list.image_idx[index]) for index in indices]
        present = [place for place, row in enumerate(rows) if row >= 0]
        if self._features is not None:
            ready = [self._features[rows[place]] for place in present]
        else:
            ready = load_images(
                [str(self.data_list.img_path(int(indices[place])))
                 for place in present],
                self.pipeline, [indices[place] for place in present])
        images = dict(zip(present, ready, strict=True))
        if len(images) < len(rows):
            missing = torch.zeros_like(ready[0] if ready else
                                       self._any_image())
            return [images.get(i, missing) for i in range(len(rows))]
        return ready

    def _any_image(self) -> torch.Tensor:
        """Some image, whose shape a missing one takes."""
        with_image = np.flatnonzero(self.data_list.image_idx >= 0)
        if len(with_image):
            return self._image(int(with_image[0]))
        raise ValueError(f'a split needs at least one image: {self.split!r} '
                         f'of {self.ann_file} has none')


def _counts(ends: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """How many parts rows have, by where those of all rows end."""
    return ends[rows + 1] - ends[rows]


def _codes(manifest: Manifest, rows: np.ndarray) -> np.ndarray:
    """Codes of all classes of rows."""
    return manifest.class_codes[spread(
        manifest.class_ends[rows], _counts(manifest.class_ends, rows))]
