"""The source domain: a data set of images with class labels."""
from __future__ import annotations

import os.path as osp
from collections.abc import Sequence
from typing import Any, Optional

import numpy as np
import torch
from mmengine.dataset import BaseDataset
from mmengine.registry import DATASETS

from ..storage.arrays import FEATURES_HINT, ArrayFile
from ..storage.folders import class_files, visible_folders
from ..storage.pictures import SUFFIXES
from .collate import cross_modal_collate
from .images import load_images


@DATASETS.register_module()
class SourceImageDataset(BaseDataset):
    """Images with one class label each, from class folders or a list file.

    An item: ``inputs``: ``source_image`` (channels, H, W); ``data_samples``:
    ``source_label``.

    Args:
        data_root: Folder of the images. Without a list file its sub-folders
            are the classes, labelled in sorted order; hidden ones and those
            without an image are none.
        pipeline: Image transforms; they end in the target images' size.
        ann_file: List file, relative to ``data_root``: lines of
            ``path label``, the label a number from 0 (the released format);
            a tab may stand between them.
        num_classes: How many classes there are; labels outside are refused.
            None: as many as the folders or the largest label say.
        hint: How to get the images, for the error where they are missing.
        metainfo: More meta information.
        lazy_init: Whether to read nothing until first use.

    Raises:
        FileNotFoundError: The folder, the list or a listed file is missing.
        ValueError: A line is broken, a label out of range, or nothing found.
    """

    def __init__(self,
                 data_root: str,
                 pipeline: Sequence,
                 ann_file: str = '',
                 num_classes: Optional[int] = None,
                 hint: str = '',
                 metainfo: Optional[dict] = None,
                 lazy_init: bool = False) -> None:
        self.num_classes = num_classes
        self.hint = hint
        super().__init__(
            ann_file=ann_file,
            metainfo=metainfo,
            data_root=data_root,
            pipeline=list(pipeline),
            lazy_init=lazy_init)

    def load_data_list(self) -> list[dict[str, Any]]:
        """Return a dictionary an image; MMEngine's ``full_init`` calls it."""
        if not osp.isdir(self.data_root):
            raise FileNotFoundError(
                f'source images not found: {osp.abspath(self.data_root)} '
                f'is no folder. {self.hint}')
        items = self._from_list() if self.ann_file else self._from_folders()
        if self.num_classes is None:
            self.num_classes = 1 + max(item['label'] for item in items)
        self._metainfo['num_classes'] = self.num_classes
        return items

    def _from_list(self) -> list[dict[str, Any]]:
        if not osp.isfile(self.ann_file):
            raise FileNotFoundError(
                f'source list not found: {osp.abspath(self.ann_file)}. '
                f'{self.hint}')
        items = []
        with open(self.ann_file, 'rb') as file:
            for line, encoded in enumerate(file, 1):
                where = f'{self.ann_file}:{line}'
                try:
                    raw = encoded.decode('utf-8-sig' if line == 1 else 'utf-8')
                except UnicodeDecodeError as error:
                    raise ValueError('a source list must be UTF-8: '
                                     f'{where} is not') from error
                if not raw.strip():
                    continue
                path, label = [*raw.rsplit(None, 1), ''][:2]
                if not label.isdecimal():
                    raise ValueError("a line must read 'path label', the "
                                     f'label a number from 0: {where} reads '
                                     f'{raw.rstrip()!r}')
                if self.num_classes and int(label) >= self.num_classes:
                    raise ValueError(
                        f'a label must be below {self.num_classes}, the '
                        f'number of source classes: got {label} at {where}')
                path = osp.join(self.data_root, path.strip())
                if not osp.isfile(path):
                    raise FileNotFoundError(f'image not found: {path}, named '
                                            f'at {where}')
                items.append(dict(img_path=path, label=int(label)))
        if not items:
            raise ValueError(f'a source list must name at least one image: '
                             f'{self.ann_file} names none')
        return items

    def _from_folders(self) -> list[dict[str, Any]]:
        files = class_files(self.data_root, SUFFIXES)
        names = list(files)
        items = [dict(img_path=str(path), label=label)
                 for label, paths in enumerate(files.values())
                 for path in paths]
        if not items:
            folders = len(visible_folders(self.data_root))
            raise ValueError('a source folder must hold class folders with '
                             f'images: {osp.abspath(self.data_root)} has '
                             f'{folders} folders and no image')
        if self.num_classes and len(names) > self.num_classes:
            raise ValueError(f'there must be at most {self.num_classes} '
                             f'source classes: {self.data_root} has '
                             f'{len(names)} folders')
        self._metainfo['classes'] = tuple(names)
        return items

    def __getitem__(self, index: int) -> dict[str, Any]:
        """One item; see the class."""
        return self._items([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> dict[str, Any]:
        """A batch, (B, ...) each; what data loaders call."""
        return cross_modal_collate(self._items(indices))

    def _items(self, indices: Sequence[int]) -> list[dict[str, Any]]:
        infos = [self.get_data_info(int(index)) for index in indices]
        images = load_images([info['img_path'] for info in infos],
                             self.pipeline, indices)
        return [dict(inputs=dict(source_image=image),
                     data_samples=dict(
                         source_label=torch.tensor(info['label'])))
                for image, info in zip(images, infos, strict=True)]


@DATASETS.register_module()
class SourceFeatureDataset(torch.utils.data.Dataset):
    """Ready features of labelled images, in place of the images.

    An item: ``inputs``: ``source_image`` (D,); ``data_samples``:
    ``source_label``.

    Args:
        file: An ``.npz``, ``.mat`` or HDF5 file.
        feature: Its array of features, (N, D).
        label: Its array of class numbers from 0, (N,).

    Raises:
        FileNotFoundError: There is no such file.
        KeyError: It lacks an array.
        ValueError: The arrays do not fit together.
    """

    def __init__(self, file: str, feature: str = 'F',
                 label: str = 'label') -> None:
        arrays = ArrayFile(file, 'source features', FEATURES_HINT)
        self.features = torch.from_numpy(
            arrays.numbers(feature).astype(np.float32))
        self.labels = torch.from_numpy(
            arrays.numbers(label).astype(np.int64))
        if self.features.dim() != 2 or self.labels.dim() != 1 or (
                len(self.features) != len(self.labels)) or (
                    self.labels.min() < 0):
            raise ValueError(
                'features must be (N, D) and labels (N,), numbered from 0: '
                f'{file} has {tuple(self.features.shape)} and '
                f'{tuple(self.labels.shape)}')
        self.metainfo = dict(num_classes=1 + int(self.labels.max()))

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """One item; see the class."""
        return self.__getitems__(index)

    def __getitems__(self, indices: Sequence[int] | int) -> dict[str, Any]:
        """A batch, (B, ...) each."""
        if not isinstance(indices, int):
            indices = [int(index) for index in indices]
        return dict(inputs=dict(source_image=self.features[indices]),
                    data_samples=dict(source_label=self.labels[indices]))
