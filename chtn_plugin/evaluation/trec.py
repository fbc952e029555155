"""Write rankings as TREC run and qrels files, for other evaluators."""
from __future__ import annotations

import re
from pathlib import Path
from typing import Optional

import numpy as np

from chtn_plugin.storage.files import atomic_write
from chtn_plugin.storage.ownership import check_replaceable

from .direction_task import direction_task
from .embeddings import Embeddings
from .protocols import DEFAULT_PROTOCOL, Protocol, get_protocol
from .ranking import single_threaded


def write_trec(folder: str | Path,
               embeddings: Embeddings,
               direction: str,
               protocol: str | Protocol = DEFAULT_PROTOCOL,
               depth: Optional[int] = None,
               tag: str = 'chtn_plugin') -> tuple[Path, Path]:
    """Write ``DIRECTION.run`` and ``DIRECTION.qrels``.

    Ids are the items' own, with ``i`` or ``t`` before them. Scores stand
    with nine digits, which is exact; the ranks break ties by file order,
    while trec_eval breaks them by id.

    Args:
        folder: Where to write.
        embeddings: What to rank.
        direction: Of ``'i2t'``, ``'t2i'``, ``'i2i'``, ``'t2t'``.
        protocol: Gives similarity and split; the formula is the judge's.
        depth: Ranks to write for each query. None: all.
        tag: Name of the run.

    Returns:
        Paths of the run and of the qrels.

    Raises:
        ValueError: A file of that name is there which this has not written.
    """
    if isinstance(protocol, str):
        protocol = get_protocol(protocol)
    task = direction_task(embeddings, protocol, direction)
    similarity, relevance = task.similarity, task.relevance
    similarity.load()
    queries = [_word(direction[0], i) for i in task.query_ids.tolist()]
    items = [_word(direction[2], i) for i in task.gallery_ids.tolist()]
    run = Path(folder, f'{direction}.run')
    qrels = Path(folder, f'{direction}.qrels')
    for path, line in ((run, _RUN_LINE), (qrels, _QRELS_LINE)):
        check_replaceable(path, _starts_with(path, line))
    with atomic_write(run, 'w', encoding='utf-8') as file, single_threaded():
        for start in range(0, len(queries), similarity.tile):
            scores = similarity.scores(start).cpu().numpy()
            for row, query in enumerate(queries[start:start
                                                + similarity.tile]):
                score = scores[row]
                if relevance.same is not None:
                    score[relevance.same[start + row]] = -np.inf
                order = np.argsort(-score, kind='stable')[:depth]
                file.writelines(
                    f'{query} Q0 {items[at]} {rank} {score[at]:.9g} {tag}\n'
                    for rank, at in enumerate(order.tolist(), start=1)
                    if score[at] > -np.inf)
    with atomic_write(qrels, 'w', encoding='utf-8') as file:
        for at, query in enumerate(queries):
            file.writelines(f'{query} 0 {items[item]} 1\n'
                            for item in relevance.answers(at).tolist())
    return run, qrels


_RUN_LINE = re.compile(r'[it]\S+ Q0 [it]\S+ 1 \S+ \S+\n')
_QRELS_LINE = re.compile(r'[it]\S+ 0 [it]\S+ 1\n')


def _starts_with(path: Path, line: re.Pattern) -> bool:
    """Whether a file's first line is one of ours, whose ids have a letter."""
    try:
        with open(path, encoding='utf-8') as file:
            return line.fullmatch(file.readline(10_000)) is not None
    except (OSError, ValueError):
        return False


def _word(letter: str, name: object) -> str:
    """An id without white space, which separates the columns."""
    return letter + '_'.join(str(name).split())
