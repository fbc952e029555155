"""Write the vectors of an index into what other programs search."""
from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Optional

import numpy as np

from ..apis.gallery import Gallery
from ..apis.gallery_sources import KINDS
from ..apis.index_store import IndexStore
from ..checks import check_choice
from ..evaluation.quantization import quantized, quantized_recall
from ..storage.files import atomic_write

_QUERIES = 500
_FIELDS = ('id', 'kind', 'path', 'text', 'label')
#: Precisions that each format can hold.
FORMATS: dict[str, tuple[str, ...]] = {
    'parquet': ('float32', 'int8', 'binary'),
    'usearch': ('float32', 'int8', 'binary'),
    'lancedb': ('float32', ), 'qdrant': ('float32', )}


def export_vectors(index: str | Path, out: str | Path, form: str,
                   precision: str = 'float32') -> dict[str, dict[str, float]]:
    """Write everything in an index, with the items behind the vectors.

    Vectors are those that are compared by inner product: of length 1 where
    the model compares by cosine. ``vectors.json`` beside them has fingerprint,
    similarity, precision and, of int8, the scale of each column.

    Args:
        index: Folder of ``tools/index.py``.
        out: A folder that is not there yet.
        form: ``'parquet'``, ``'usearch'``, ``'lancedb'`` or ``'qdrant'``
            (local mode).
        precision: ``'float32'``, ``'int8'`` or ``'binary'``.

    Returns:
        By kind what a search finds of the exact first ten results with
        queries of the other kind: ``recall``, and ``rescored``, with the
        first forty compared again in float32. Empty where there are none.

    Raises:
        FileNotFoundError: There is no index.
        FileExistsError: ``out`` is there.
        ImportError: The program's package is not installed.
        ValueError: The format or precision is unknown, or the index empty.
    """
    check_choice('format', form, FORMATS)
    check_choice(f'precision of {form}', precision, FORMATS[form])
    gallery = IndexStore(index).gallery(exact=True)
    if not len(gallery):
        raise ValueError(f'an index must have at least one item: {index} has '
                         'none')
    target = Path(out)
    if target.exists():
        raise FileExistsError(f'--out must be a folder that is not there: '
                              f'{out} is')
    write: Callable[..., None] = dict(
        parquet=_parquet, usearch=_usearch, lancedb=_lancedb,
        qdrant=_qdrant)[form]
    scratch = target.with_name(f'.{target.name}.{os.getpid()}')
    scratch.mkdir(parents=True)
    try:
        meta: dict[str, Any] = dict(
            fingerprint=gallery.fingerprint, similarity=gallery.similarity,
            precision=precision, format=form, scale={})
        for kind in KINDS:
            if gallery.count(kind):
                rows, scale = quantized(np.ascontiguousarray(
                    gallery.rows(kind)), precision)
                if scale is not None:
                    meta['scale'][kind] = scale.tolist()
                write(scratch, kind, rows, _items(gallery, kind), precision,
                      gallery.rows(kind).shape[1])
        with atomic_write(scratch / 'vectors.json', 'w', 'utf-8') as file:
            json.dump(meta, file)
        scratch.rename(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return {kind: _measured(gallery, kind, precision) for kind in KINDS
            if gallery.count(kind)}


def _items(gallery: Gallery, kind: str) -> list[dict[str, str]]:
    return [{name: str(item[name] or '') for name in _FIELDS}
            for item in gallery.fields(*_FIELDS) if item['kind'] == kind]


def _measured(gallery: Gallery, kind: str, precision: str
              ) -> dict[str, float]:
    other = KINDS[1 - KINDS.index(kind)]
    if precision == 'float32' or not gallery.count(other):
        return {}
    queries = gallery.rows(other)
    if len(queries) > _QUERIES:
        queries = queries[np.random.default_rng(0).choice(
            len(queries), _QUERIES, False)]
    rows = np.ascontiguousarray(gallery.rows(kind))
    return dict(recall=quantized_recall(queries, rows, precision),
                rescored=quantized_recall(queries, rows, precision,
                                          rescored=40))


def _table(rows: np.ndarray, items: list[dict[str, str]]) -> Any:
    import pyarrow
    vectors = pyarrow.FixedSizeListArray.from_arrays(
        pyarrow.array(np.ascontiguousarray(rows).reshape(-1)), rows.shape[1])
    columns: dict[str, Any] = {name: [item[name] for item in items]
                               for name in _FIELDS}
    return pyarrow.table(dict(columns, vector=vectors))


def _parquet(folder: Path, kind: str, rows: np.ndarray,
             items: list[dict[str, str]], precision: str, size: int) -> None:
    from pyarrow import parquet
    parquet.write_table(_table(rows, items), folder / f'{kind}.parquet')


def _lancedb(folder: Path, kind: str, rows: np.ndarray,
             items: list[dict[str, str]], precision: str, size: int) -> None:
    import lancedb
    lancedb.connect(str(folder)).create_table(kind, _table(rows, items))


def _qdrant(folder: Path, kind: str, rows: np.ndarray,
            items: list[dict[str, str]], precision: str, size: int) -> None:
    from qdrant_client import QdrantClient, models
    client = QdrantClient(path=str(folder))
    try:
        client.create_collection(kind, vectors_config=models.VectorParams(
            size=size, distance=models.Distance.DOT))
        client.upload_collection(kind, vectors=rows, payload=items,
                                 ids=range(len(rows)))
    finally:
        client.close()


def _usearch(folder: Path, kind: str, rows: np.ndarray,
             items: list[dict[str, str]], precision: str, size: int) -> None:
    from usearch.index import Index
    options: Mapping[str, Any] = dict(
        float32=dict(ndim=size, metric='ip', dtype='f32'),
        int8=dict(ndim=size, metric='ip', dtype='i8'),
        binary=dict(ndim=8 * rows.shape[1], metric='hamming', dtype='b1')
    )[precision]
    made = Index(**options)
    made.add(np.arange(len(rows)), rows)
    made.save(str(folder / f'{kind}.usearch'))
    with atomic_write(folder / f'{kind}.json', 'w', 'utf-8') as file:
        json.dump(items, file, ensure_ascii=False)


def describe(kind: str, precision: str,
             measured: Optional[Mapping[str, float]]) -> str:
    """Write what was measured of a kind in a line."""
    if not measured:
        return ''
    return (f'{kind}: {precision} finds {measured["recall"]:.1%} of the exact '
            f'first ten by the other kind, {measured["rescored"]:.1%} with '
            'the first forty compared again in float32')
