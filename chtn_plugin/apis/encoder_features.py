"""Extract features of a whole data set with named encoders."""
from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

import numpy as np
import torch
from mmengine.dataset import Compose
from mmengine.registry import MODELS, TRANSFORMS

from ..checks import check_device
from ..curation.own_pairs import Options, read_pairs
from ..datasets.manifest import PairRecord, read_manifest
from ..datasets.manifest_rows import JoinedTexts, Manifest
from ..engine.feature_cache import cache_features
from ..engine.text_cache import cached_text_features
from ..models.encoder_choice import choose_encoders
from ..models.encoder_presets import ImageEncoder, TextEncoder
from ..models.preset_encoder import PresetEncoder
from ..storage.files import atomic_write, sha256
from ..storage.ownership import sweep_temporaries
from ..storage.text_column import ends_of, spread
from .feature_shards import Shard, shard_folder, shard_meta

TEXT_MODES = ('join', 'each')
_TERMS = 3000
#: Labels of several classes are a matrix up to so many bytes, as most
#: programs read them; lists where it would be larger.
MAX_LABEL_MATRIX = 16 << 20
# Bytes of a row, and of each of its classes, in lists.
_LIST_BYTES = 8


@dataclass(frozen=True)
class Extraction:
    """How features are extracted.

    Attributes:
        images: Image encoder, by a name that
            :mod:`~chtn_plugin.models.encoder_presets` knows, or ``'auto'``.
        texts: Text encoder, likewise.
        text_mode: Several texts of a picture: ``'join'`` them to one, or
            make ``'each'`` a row.
        label_separator: Of a manifest's classes; None: one class a row.
        cache: Folder that keeps what is computed, batch by batch: an
            interrupted run goes on, a larger set computes what is new.
        batch_size: Pictures, and texts, a pass.
        bf16: Whether to compute in bfloat16.
        device: Of torch; None: a GPU where there is one.
    """
    images: str = 'auto'
    texts: str = 'auto'
    text_mode: str = 'join'
    label_separator: Optional[str] = None
    cache: str = 'data/feature_cache'
    batch_size: int = 64
    bf16: bool = False
    device: Optional[str] = None

    def __post_init__(self) -> None:
        if self.text_mode not in TEXT_MODES:
            raise ValueError(f'text_mode must be one of {list(TEXT_MODES)}, '
                             f'got {self.text_mode!r}')
        if self.batch_size < 1:
            raise ValueError('batch_size must be positive, got '
                             f'{self.batch_size}')


@dataclass(frozen=True)
class _Row:
    record: PairRecord
    number: int
    text: str


def extract_features(data: str | Path, out: str | Path,
                     options: Extraction = Extraction()) -> dict[str, Any]:
    """Encode a folder or a manifest, without a trained run.

    The file is what :class:`~chtn_plugin.datasets.FeaturePairDataset` reads:
    for each split S of the manifest the arrays ``image_S`` (N, D_i) and
    ``text_S`` (N, D_t), float32, not scaled; ``label_S``, class numbers (N,)
    or, with several classes a row, 0 and 1 (N, C), and where that would take
    over 16 MiB in all, lists: ``label_S_indices`` and ``label_S_indptr``;
    ``id_S``, ``content_S`` (the texts), ``path_S``, and ``partner_S``, equal
    numbers for the texts of one picture; then ``classes`` and ``meta`` (JSON
    text: the encoders).

    Args:
        data: A folder as make_manifest takes it, or a manifest.
        out: The ``.npz`` to write.
        options: Choices.

    Returns:
        ``rows``: number of rows by split. ``left_out``: rows that lack a
        picture or a text. ``encoders``: the line that says which they are.

    Raises:
        FileNotFoundError, ValueError, ImportError: The data are broken, or
            an encoder cannot be had; the message says which.
    """
    root, manifest = _read(Path(data), options)
    _, arrays, facts = _encoded(root, manifest, whole_pairs(manifest, data),
                                options, None)
    with atomic_write(out) as file:
        np.savez(file, **arrays)
    return facts


def extract_shard(data: str | Path, out: str | Path, shard: Shard,
                  options: Extraction = Extraction()) -> dict[str, Any]:
    """Encode one of several equal parts of a manifest's pairs.

    Any number of processes, on any machines that see the data, make a shard
    each; :func:`~chtn_plugin.apis.feature_shards.merge_shards` joins them. A
    shard that is there already is left as it is; an interrupted one goes on
    from the cache.

    Args:
        data: The manifest.
        out: The ``.npz`` that all shards are to become; they lie beside it,
            in the folder ``<out>.shards``.
        shard: Which part.
        options: As for :func:`extract_features`.

    Returns:
        As :func:`extract_features`; ``file``: the shard's file; ``made``:
        False where it was there.

    Raises:
        FileNotFoundError, ValueError, ImportError: As
            :func:`extract_features`; or ``data`` is a folder, or a file of
            another extraction has the shard's name.
    """
    if Path(data).is_dir():
        raise ValueError(f'shards are made of a manifest, {data} is a folder:'
                         ' tools/make_manifest.py --no-config writes one')
    root, manifest = _read(Path(data), options)
    pairs = whole_pairs(manifest, data)
    path = shard_folder(out) / shard.file_name
    key = _key(Path(data), options)
    if path.exists():
        meta = shard_meta(path)
        if meta is None or meta['shard']['key'] != key:
            raise ValueError(
                f'{path} is there, and not of these data and options: '
                'delete it, or name another --out')
        return dict(rows={}, left_out=0, encoders='', file=path, made=False)
    if path.parent.is_dir():
        sweep_temporaries(path.parent)
    meta, arrays, facts = _encoded(root, manifest, pairs, options, shard)
    meta['shard'] = dict(key=key, number=shard.number, count=shard.count)
    arrays['meta'] = np.array(json.dumps(meta))
    with atomic_write(path) as file:
        np.savez(file, **arrays)
    return dict(facts, file=path, made=True)


def _encoded(root: Path, manifest: Manifest, pairs: np.ndarray,
             options: Extraction, shard: Optional[Shard]
             ) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """What is said of the features, the arrays of a file, and counts."""
    in_train = pairs[np.isin(pairs, manifest.rows_of('train'))]
    train = in_train if len(in_train) else pairs
    image, text, line = choose_encoders(
        options.images, options.texts, _sample(manifest, train),
        1000 if len(train) < 1000 else _TERMS)
    if image is None:
        raise ValueError("pictures need a pretrained encoder: 'scratch' is "
                         'one that training makes')
    # Every shard learns words and classes from all pairs, as one would.
    fitted = _texts(manifest, train, options.text_mode)
    classes = sorted(manifest.class_names[code] for code in np.unique(
        _class_codes(manifest, pairs)).tolist())
    counts = np.diff(manifest.class_ends)[pairs]
    several = bool((counts > 1).any())
    # All shards decide by all pairs, so that they can be joined.
    matrix = len(pairs) * len(classes)
    as_lists = several and matrix > max(
        MAX_LABEL_MATRIX, _LIST_BYTES * (len(pairs) + int(counts.sum())))
    first, last = (0, len(pairs)) if shard is None else shard.rows(len(pairs))
    own = pairs[first:last]
    pictures = _image_features(image, [
        str(root / manifest.images[row]) for row in own.tolist()], options)
    words = _text_features(text, list(_texts(manifest, own,
                                             options.text_mode)),
                           fitted, options)
    rows = list(_rows([manifest[row] for row in own.tolist()],
                      options.text_mode, first))
    meta = dict(images=image.name, texts=text.name, backbone=image.backbone,
                text_encoder=text.encoder, text_mode=options.text_mode)
    arrays = _arrays(rows, pictures, words, classes, several, as_lists,
                     first)
    arrays |= dict(classes=np.array(classes, str),
                   meta=np.array(json.dumps(meta)))
    return meta, arrays, dict(
        rows=dict(Counter(row.record.split for row in rows)),
        left_out=len(manifest) - len(pairs), encoders=line)


def whole_pairs(manifest: Manifest, data: str | Path) -> np.ndarray:
    """Number the rows that have a picture and a text.

    Args:
        manifest: The rows.
        data: What they are of, for the message.

    Raises:
        ValueError: There is none.
    """
    pairs = np.flatnonzero((manifest.images.lengths() > 0)
                           & (np.diff(manifest.text_ends) > 0))
    if not len(pairs):
        raise ValueError('features need whole pairs, a picture and a text: '
                         f'{data} has none')
    return pairs


def _sample(manifest: Manifest, rows: np.ndarray) -> list[str]:
    """Some five hundred texts of rows, from all over."""
    counts = np.diff(manifest.text_ends)[rows]
    places = spread(manifest.text_ends[rows], counts)
    return [manifest.texts[place]
            for place in places[::-(-len(places) // 500)].tolist()]


def _texts(manifest: Manifest, rows: np.ndarray, text_mode: str
           ) -> JoinedTexts:
    """The texts of rows that are encoded."""
    if text_mode == 'join':
        return JoinedTexts(manifest, rows)
    counts = np.diff(manifest.text_ends)[rows]
    return JoinedTexts(manifest, np.repeat(rows, counts),
                       spread(np.zeros(len(rows), np.int64), counts))


def _class_codes(manifest: Manifest, rows: np.ndarray) -> np.ndarray:
    first = manifest.class_ends[rows]
    return manifest.class_codes[spread(
        first, manifest.class_ends[rows + 1] - first)]


def _key(data: Path, options: Extraction) -> str:
    """What tells that two shards are of the same data and options."""
    chosen = dataclasses.asdict(options)
    # How a shard was made, not what it holds.
    for name in ('cache', 'batch_size', 'device'):
        del chosen[name]
    return sha256(json.dumps([sha256(data), chosen],
                             sort_keys=True).encode())


def _read(data: Path, options: Extraction) -> tuple[Path, Manifest]:
    if data.is_dir():
        return data, Manifest.of(read_pairs(data, Options(
            label_separator=options.label_separator or ';')))
    return data.parent, read_manifest(
        data, label_separator=options.label_separator)


def _rows(records: Sequence[PairRecord], text_mode: str, first: int) -> Any:
    for number, record in enumerate(records, first):
        texts = ([' '.join(record.texts)] if text_mode == 'join'
                 else record.texts)
        for text in texts:
            yield _Row(record, number, text)


class _Pictures:
    """What the feature cache asks of a data set."""

    def __init__(self, paths: Sequence[str], size: int) -> None:
        self.paths = list(paths)
        self.pipeline: Any = Compose([
            dict(type='LoadRGBImage', min_side=size),
            dict(type='ResizeShorterSide', size=size),
            dict(type='mmpretrain.CenterCrop', crop_size=size)])

    def __len__(self) -> int:
        return len(self.paths)

    def get_data_info(self, index: int) -> dict[str, str]:
        return dict(img_path=self.paths[index])


def _image_features(encoder: ImageEncoder, paths: Sequence[str],
                    options: Extraction) -> np.ndarray:
    """Features of each picture, (N, D) float32."""
    model = PresetEncoder(encoder).to(_device(options)).eval()
    pictures = _Pictures(paths, encoder.size)
    cache_features(model, pictures, options.cache,
                   batch_size=options.batch_size, dtype=_dtype(options))
    return np.stack([pictures.pipeline(dict(img_path=path))['img'].numpy()
                     for path in paths])


def _text_features(encoder: TextEncoder, texts: Sequence[str],
                   fitted: Sequence[str], options: Extraction) -> np.ndarray:
    """Features of each text, (N, D) float32."""
    transform = TRANSFORMS.build(encoder.transform)
    transform.fit(fitted)
    if encoder.encoder['type'] != 'HFTextEncoder':
        return np.asarray(transform(texts), np.float32)
    model = MODELS.build(encoder.encoder).to(_device(options)).eval()
    return cached_text_features(model, transform, texts, options.cache,
                                batch_size=options.batch_size,
                                dtype=_dtype(options))


def _device(options: Extraction) -> torch.device:
    default = 'cuda' if torch.cuda.is_available() else 'cpu'
    return check_device(default if options.device is None
                        else options.device)


def _dtype(options: Extraction) -> torch.dtype:
    return torch.bfloat16 if options.bf16 else torch.float32


def _arrays(rows: Sequence[_Row], pictures: np.ndarray, words: np.ndarray,
            classes: Sequence[str], several: bool, as_lists: bool,
            first: int) -> dict[str, Any]:
    """The arrays of every split, of pairs that are numbered from ``first``."""
    number = {name: place for place, name in enumerate(classes)}
    numbers = [[number[name] for name in row.record.classes] for row in rows]
    labels: np.ndarray
    if as_lists:
        # The rows of each split are taken from them below.
        labels = np.empty(len(rows), object)
        labels[:] = numbers
    elif several:
        members = np.zeros((len(rows), len(classes)), np.uint8)
        for place, own in enumerate(numbers):
            members[place, own] = 1
        lacks = np.array([not own for own in numbers])
        # A row of NaN has no class; whole numbers know none.
        labels = members if not lacks.any() else np.where(
            lacks[:, None], np.nan, members).astype(np.float32)
    else:
        labels = np.array([own[0] if own else -1 for own in numbers],
                          np.int64)
    columns = dict(
        image=pictures[[row.number - first for row in rows]], text=words,
        label=labels, id=np.array([row.record.id for row in rows]),
        content=np.array([row.text for row in rows]),
        path=np.array([str(row.record.image) for row in rows]),
        partner=np.array([row.number for row in rows], np.int64))
    splits = np.array([row.record.split for row in rows])
    parts = {f'{name}_{split}': values[splits == split]
             for split in dict.fromkeys(splits.tolist())
             for name, values in columns.items()}
    if not as_lists:
        return parts
    arrays: dict[str, Any] = {}
    for name, values in parts.items():
        if name.startswith('label_'):
            arrays[f'{name}_indices'] = np.array(
                [code for own in values for code in own], np.int32)
            arrays[f'{name}_indptr'] = ends_of(np.array(
                list(map(len, values)), np.int64))
        else:
            arrays[name] = values
    return arrays
