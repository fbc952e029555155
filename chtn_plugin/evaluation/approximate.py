"""Search very large galleries with FAISS, and measure what it misses."""
from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Optional

import numpy as np

from chtn_plugin.storage.files import atomic_write, sha256

from .exact_search import longest_row, nearest

_QUERIES = 500
_TIMED = 50


def build_approximate(folder: Path, kind: str, rows: np.ndarray,
                      factory: str, queries: Optional[np.ndarray],
                      topk: int = 10, wanted: Optional[float] = None
                      ) -> dict[str, Any]:
    """Build a FAISS index of one kind, and measure it against exact search.

    Args:
        folder: The index that it belongs to.
        kind: ``'image'`` or ``'text'``: what is searched.
        rows: Vectors as they are compared by dot product, (G, D).
        factory: FAISS's own name of the index: ``'HNSW32'``,
            ``'IVF1024,Flat'``, ``'IVF1024,PQ16'``, ….
        queries: Vectors of the *other* kind, (Q, D): a quantised index
            that finds pictures by pictures may fail on texts. None: recall
            is not measured.
        topk: Results of which the recall is the share found.
        wanted: Recall, in (0, 1], for which the index is to look at enough:
            the least ``efSearch`` (HNSW) or ``nprobe`` (IVF), doubling, that
            reaches it for the queries is kept in the index. None: FAISS's
            own.

    Returns:
        What stands in ``index.json``: factory, recall, times, file, hash;
        with ``wanted`` also ``search``, the option with its value, empty
        where the index has none.

    Raises:
        ImportError: ``faiss-cpu`` is not installed.
        ValueError: FAISS does not know the factory, or the gallery is too
            small for it; or ``wanted`` is out of its range, or there are no
            queries to measure it with.
    """
    if wanted is not None:
        if not 0 < wanted <= 1:
            raise ValueError('a wanted recall must be above 0 and at most 1, '
                             f'got {wanted}')
        if queries is None or not len(queries):
            raise ValueError('a wanted recall needs queries of the other '
                             f'kind: there are none to find {kind}s with')
    faiss = _faiss()
    try:
        index = faiss.index_factory(rows.shape[1], factory,
                                    faiss.METRIC_INNER_PRODUCT)
        index.train(rows)
        index.add(rows)
    except RuntimeError as error:
        raise ValueError(f'FAISS refuses {factory!r} for {len(rows)} vectors '
                         f'of size {rows.shape[1]}: '
                         f'{str(error)[-200:]}') from error
    measured: dict[str, Any] = dict(factory=factory, rows=len(rows))
    if wanted is not None and queries is not None:
        measured.update(wanted=wanted, search=_tune(
            index, rows, queries[:_QUERIES], topk, wanted))
    if queries is not None and len(queries):
        measured.update(_measured(index, rows, queries[:_QUERIES], topk))
    encoded = faiss.serialize_index(index).tobytes()
    measured['sha256'] = sha256(encoded)
    # A name of its own: until index.json names this one, the former is whole.
    measured['file'] = f'{kind}-{measured["sha256"][:12]}.faiss'
    with atomic_write(folder / measured['file']) as file:
        file.write(encoded)
    return measured


def load_approximate(folder: Path, measured: dict[str, Any]) -> dict[str, Any]:
    """Read the FAISS indexes of an index, by kind.

    Raises:
        ImportError: ``faiss-cpu`` is not installed.
        ValueError: A file is damaged or missing.
    """
    loaded = {}
    for kind, facts in measured.items():
        path = folder / Path(facts['file']).name
        encoded = path.read_bytes() if path.is_file() else b''
        if sha256(encoded) != facts['sha256']:
            raise ValueError(f'an index must be whole: {path} is damaged or '
                             'missing. Build it anew')
        loaded[kind] = _faiss().deserialize_index(
            np.frombuffer(encoded, np.uint8))
    return loaded


def describe(kind: str, measured: dict[str, Any]) -> str:
    """Describe the measured recall and speed in one line."""
    if 'recall' not in measured:
        return (f'{kind}: {measured["factory"]}, recall not measured: there '
                'was nothing of the other kind to ask with')
    search = ''.join(f' with {name} {value}' for name, value
                     in measured.get('search', {}).items())
    short = (f'; wanted are {measured["wanted"]:.1%}, out of its reach'
             if measured['recall'] < measured.get('wanted', 0) else '')
    return (f'{kind}: {measured["factory"]}{search} finds '
            f'{measured["recall"]:.1%} of the exact top {measured["topk"]} '
            f'for {measured["queries"]} queries of the other kind '
            f'(worst tenth: {measured["recall_low"]:.1%}), '
            f'{measured["ms"]:.2f} ms a query; exact search takes '
            f'{measured["exact_ms"]:.2f} ms{short}')


def _measured(index: Any, rows: np.ndarray, queries: np.ndarray,
              topk: int) -> dict[str, Any]:
    count = min(topk, len(rows))
    longest = longest_row(rows)
    scores, _ = nearest(queries, rows, count, longest)
    # Time single queries, as a user asks them; a few suffice.
    few = queries[:_TIMED]
    start = time.perf_counter()
    for query in few:
        nearest(query[None], rows, count, longest)
    exact = (time.perf_counter() - start) / len(few)
    start = time.perf_counter()
    hits = [index.search(query[None], count)[1][0] for query in queries]
    taken = time.perf_counter() - start
    # An item counts as found if its score reaches that of the last exact
    # one: which of several equal items is returned does not matter.
    recalls = _recalls(rows, queries, np.stack(hits), scores, longest)
    return dict(topk=count, queries=len(queries),
                recall=float(np.mean(recalls)),
                recall_low=float(np.quantile(recalls, 0.1)),
                ms=1e3 * taken / len(queries),
                exact_ms=1e3 * exact)


def _recalls(rows: np.ndarray, queries: np.ndarray, items: np.ndarray,
             scores: np.ndarray, longest: float) -> list[float]:
    """Share of the exact best that was found, for each query."""
    recalls = []
    for query, places, best in zip(queries, items, scores, strict=True):
        reached = rows[places[places >= 0]] @ query
        near = best[-1] - 1e-6 * max(
            1., longest * float(np.linalg.norm(query)))
        recalls.append(float((reached >= near).sum()) / len(best))
    return recalls


def _tune(index: Any, rows: np.ndarray, queries: np.ndarray, topk: int,
          wanted: float) -> dict[str, int]:
    """Set how much an index looks at, so that it finds enough.

    Returns:
        The option with its value: the least that finds enough, or the most
        there is. Empty: the index has none.
    """
    space = _faiss().ParameterSpace()
    # An inverted file over a graph has both; its cells decide.
    for name in ('nprobe', 'efSearch'):
        try:
            space.set_index_parameter(index, name, 1)
        except RuntimeError:
            continue
        break
    else:
        return {}
    most = (_faiss().extract_index_ivf(index).nlist if name == 'nprobe'
            else len(rows))
    count = min(topk, len(rows))
    longest = longest_row(rows)
    scores, _ = nearest(queries, rows, count, longest)
    # A graph looked at more narrowly than its answer cannot hold it.
    value = min(1 if name == 'nprobe' else max(16, count), most)
    while True:
        space.set_index_parameter(index, name, value)
        items = index.search(queries, count)[1]
        if value == most or wanted <= np.mean(
                _recalls(rows, queries, items, scores, longest)):
            return {name: value}
        value = min(2 * value, most)


def _faiss() -> Any:
    try:
        import faiss
    except ImportError as error:
        raise ImportError('an approximate index needs FAISS: pip install '
                          'faiss-cpu (or search exactly)') from error
    return faiss
