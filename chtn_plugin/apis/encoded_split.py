"""Encode a whole split of a run's data, with the item behind each vector."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from mmengine.registry import DATASETS
from tqdm import tqdm

from chtn_plugin.checks import check_choice
from chtn_plugin.datasets.collate import fetch_batch
from chtn_plugin.evaluation.embeddings import Embeddings
from chtn_plugin.evaluation.partners import partner_keys

from .._errors import building

_LINKS = ('image_idx', 'text_idx', 'same_text_idx', 'same_image_idx')


@dataclass
class EncodedSplit:
    """Embeddings, and beside them what a person can look at.

    Attributes:
        embeddings: Each image and each text once.
        image_path: Files of the images, (N,); empty where they are ready
            features.
        text: The texts, (M,), likewise.
        predicted: The class that the model's classifier gives each image and
            text, by ``'image'`` and ``'text'``, (N,); empty without one.
    """
    embeddings: Embeddings
    image_path: list[str]
    text: list[str]
    predicted: dict[str, np.ndarray] = field(default_factory=dict)


def encode_split(inferencer: Any, split: str = 'test', tap: str = 'repr',
                 data_root: str = '', progress: bool = True) -> EncodedSplit:
    """Encode the data that the run was tested on.

    Args:
        inferencer: A :class:`RetrievalInferencer`.
        split: ``'test'``, ``'val'`` or ``'train'``: whose data loader.
        tap: ``'repr'``, the common representation, or a layer that the
            model names; the error for any other lists them.
        data_root: Where the data lie now, if they have moved.
        progress: Show a bar.

    Raises:
        FileNotFoundError: The data are not there.
        ValueError: The run has no such data, or no such tap.
    """
    run = inferencer.run
    try:
        dataset = _dataset(run.cfg, split, data_root)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f'{error}. If the data lie elsewhere, as seen from this folder, '
            'say where: --data-root FOLDER (data_root)') from error
    classes = tuple(getattr(dataset, 'metainfo', {}).get('classes') or ())
    if run.classes and classes and run.classes != classes:
        raise ValueError(
            'the data must have the classes that the model was trained with: '
            f'{list(run.classes[:5])}, ..., got {list(classes[:5])}, ...')
    encoded: dict[str, dict[int, Any]] = dict(image={}, text={})
    links: list[dict[str, np.ndarray]] = []
    size = inferencer.batch_size
    steps = range(0, len(dataset), size)
    for start in tqdm(steps, f'encode {split}',
                      disable=not progress or None):
        links.append(_encode(inferencer, dataset, tap, encoded,
                             range(start, min(start + size, len(dataset)))))
    fields: dict[str, Any] = {}
    pairs = _partners(links)
    shown: dict[str, list[str]] = {}
    predicted: dict[str, np.ndarray] = {}
    for part, key in (('image', 'img_path'), ('text', 'text')):
        rows = [encoded[part][index] for index in sorted(encoded[part])]
        shown[part] = [text for row in rows
                       if (text := _content(dataset, row[2], key))]
        if rows:
            fields[part] = np.stack([row[0] for row in rows])
            fields[f'{part}_label'] = np.stack([row[1] for row in rows])
            if rows[0][3] >= 0:
                predicted[part] = np.array([row[3] for row in rows])
            fields[f'{part}_id'] = np.array(
                [_name(dataset, row[2]) for row in rows])
            fields[f'{part}_pair'] = np.array(
                [pairs[part][index] for index in sorted(encoded[part])])
    meta = dict(fingerprint=run.fingerprint, model=run.name, split=split,
                tap=tap, similarity=(inferencer.similarity if tap == 'repr'
                                     else 'cosine'),
                image_content=shown['image'],
                text_content=shown['text'])
    return EncodedSplit(Embeddings(**fields, classes=run.classes or classes,
                                   meta=meta), shown['image'], shown['text'],
                        predicted)


@torch.inference_mode()
def _encode(inferencer: Any, dataset: Any, tap: str,
            sources: dict[str, dict[int, Any]], items: range
            ) -> dict[str, np.ndarray]:
    """Add a batch to what was found; which images and texts it links."""
    data = inferencer.model.data_preprocessor(fetch_batch(dataset, items),
                                              False)
    samples = data['data_samples']
    labels = samples['label'].cpu().numpy()
    for part in ('image', 'text'):
        encode = getattr(inferencer.model, f'encode_{part}')
        encoded = encode(data['inputs'][part])
        taps = dict(encoded.taps, repr=encoded.repr)
        check_choice('tap', tap, sorted(taps))
        rows = taps[tap].float().cpu().numpy()
        likely = encoded.probabilities
        classes = ([-1] * len(rows) if likely is None else
                   likely.argmax(1).tolist())
        for row, label, item, index, taken_for in zip(
                rows, labels, items, samples[f'{part}_idx'].tolist(),
                classes, strict=True):
            if index >= 0:
                sources[part].setdefault(index, (row, label, item,
                                                 taken_for))
    return {name: np.asarray(samples[name]) for name in _LINKS
            if name in samples}


def _partners(links: list[dict[str, np.ndarray]]
              ) -> dict[str, dict[int, int]]:
    """Partner key of each image and text, by its index."""
    columns = [None if any(name not in link for link in links) else
               np.concatenate([link[name] for link in links])
               for name in _LINKS]
    image_idx, text_idx = columns[:2]
    if image_idx is None or text_idx is None:
        raise KeyError('items must say which image and text they are of: '
                       'image_idx and text_idx')
    keys = partner_keys(image_idx, text_idx, *columns[2:])
    return {part: dict(zip(index.tolist(), key.tolist(), strict=True))
            for part, index, key in zip(
                ('image', 'text'), (image_idx, text_idx), keys, strict=True)}


def _dataset(cfg: Any, split: str, data_root: str) -> Any:
    config = (cfg.get(f'{split}_dataloader') or {}).get('dataset')
    if config is None:
        raise ValueError(f'the run has no {split} data: its configuration '
                         f'lacks {split}_dataloader')
    if config['type'] == 'CrossModalDataset' and 'ann_file' not in config:
        raise ValueError('pretrained towers have no data of their own: name '
                         'a manifest, --data MANIFEST (data)')
    if split == 'train' and 'target' in config:
        config = config['target']
    if data_root:
        config = dict(config, data_root=data_root)
    with building(f'the {split} data of the run'):
        dataset = DATASETS.build(config)
    if hasattr(dataset, 'full_init'):
        dataset.full_init()
    return dataset


def _info(dataset: Any, item: int) -> Mapping[str, Any]:
    return (dataset.get_data_info(item)
            if hasattr(dataset, 'get_data_info') else {})


def _content(dataset: Any, item: int, key: str) -> str:
    return str(_info(dataset, item).get(key) or '')


def _name(dataset: Any, item: int) -> str:
    return str(_info(dataset, item).get('id', item))
