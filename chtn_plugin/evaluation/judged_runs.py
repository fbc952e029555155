"""Read runs and judgements of other programs, and score them."""
from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Optional

import numpy as np

from ..storage.json_files import read_json_object
from .embeddings import Embeddings
from .protocols import Protocol, get_protocol
from .rank_table import group_ties, item_ranks, stable_ranks
from .scoring import Score

#: Scores of the items that each query found, in the order of the file.
Run = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Qrels:
    """Which items answer which query.

    Attributes:
        gains: Judged items of each query and their gain; above 0: relevant.
        corpus: Ids of all items that could be found. None: unknown.
    """
    gains: Mapping[str, Mapping[str, float]]
    corpus: Optional[Sequence[str]] = None

    def relevant(self, query: str) -> list[str]:
        """Return the ids of a query's relevant items."""
        return [item for item, gain in self.gains.get(query, {}).items()
                if gain > 0]

    @property
    def graded(self) -> bool:
        """Whether there are gains above 1, which count as 1 here."""
        return any(gain > 1 for of in self.gains.values()
                   for gain in of.values())


def read_run(path: str | Path) -> Run:
    """Read a run: TREC's six columns, or JSON.

    Args:
        path: Lines ``QUERY Q0 ITEM RANK SCORE TAG``, of which the score
            orders the items (as trec_eval has it); or a JSON object
            ``{query: {item: score}}``, as pytrec_eval and ranx keep it.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A line or an entry is of another kind, a score is no
            finite number, or an item comes twice.
    """
    run: Run = {}
    if _is_json(path, 'run'):
        for query, items in read_json_object(path, 'a run').items():
            if not isinstance(items, dict):
                raise ValueError('a run must be {query: {item: score}}: '
                                 f'{path} has for query {query!r} a '
                                 f'{type(items).__name__}')
            run[query] = {item: _number(score, f'{path}, query {query!r}')
                          for item, score in items.items()}
        return run
    for where, columns in _lines(path, 6, 'QUERY Q0 ITEM RANK SCORE TAG'):
        query, _, item, _, score, _ = columns
        _add(run, query, item, _number(score, where), where)
    return run


def read_qrels(path: str | Path) -> Qrels:
    """Read judgements: TREC's four columns, or JSON.

    Args:
        path: Lines ``QUERY 0 ITEM GAIN``; a JSON object ``{query: {item:
            gain}}`` (pytrec_eval, ranx) or ``{query: [item, ...]}``; or one
            with ``relevant_docs`` of either form and, if you like, ``corpus``
            and ``queries``, the dictionaries that sentence-transformers'
            InformationRetrievalEvaluator takes.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A line or an entry is of another kind, a gain is no
            finite number, an item comes twice, or a relevant item is not in
            the corpus.
    """
    gains: dict[str, dict[str, float]] = {}
    if not _is_json(path, 'judgements'):
        for where, columns in _lines(path, 4, 'QUERY 0 ITEM GAIN'):
            query, _, item, gain = columns
            _add(gains, query, item, _number(gain, where), where)
        return Qrels(gains)
    content = read_json_object(path, 'judgements')
    corpus: Optional[list[str]] = None
    if 'relevant_docs' in content:
        if isinstance(content.get('corpus'), (dict, list)):
            corpus = [str(item) for item in content['corpus']]
        content = content['relevant_docs']
        if not isinstance(content, dict):
            raise ValueError('relevant_docs must be {query: [item, ...]}: '
                             f'{path} has a {type(content).__name__}')
    for query, judged in content.items():
        if isinstance(judged, dict):
            gains[query] = {
                item: _number(gain, f'{path}, query {query!r}')
                for item, gain in judged.items()}
        elif isinstance(judged, list) and not any(
                isinstance(item, (dict, list)) for item in judged):
            gains[query] = {str(item): 1. for item in judged}
        else:
            raise ValueError(
                'judgements must be {query: {item: gain}} or {query: [item, '
                f'...]}}: {path} has for query {query!r} a '
                f'{type(judged).__name__}')
    qrels = Qrels(gains, corpus)
    if corpus is not None:
        there = set(corpus)
        for query in gains:
            lost = [item for item in qrels.relevant(query)
                    if item not in there]
            if lost:
                raise ValueError(f'every relevant item must be in the corpus: '
                                 f'{path} has none named {lost[0]!r}, which '
                                 f'answers {query!r}')
    return qrels


def score_run(run: Mapping[str, Mapping[str, float]], qrels: Qrels,
              protocols: Sequence[str | Protocol]) -> list[Score]:
    """Score a run under protocols.

    A query counts if it is judged; one that the run lacks has the value 0, as
    under ``trec_eval -c`` (queries without a relevant item are left out).
    Items that a query did not find are nowhere: a measure over the whole
    ranking sees as far as the run goes. Items with equal scores form a group,
    unless the protocol says otherwise; ``stable`` takes the file's order,
    where trec_eval takes that of the ids.

    Args:
        run: Of :func:`read_run`.
        qrels: Of :func:`read_qrels`.
        protocols: Names or protocols; not ``pr-11`` (it needs whole
            rankings), nor those of pairs or with ``macro``.

    Returns:
        One score per protocol; its direction is ``'run'``.

    Raises:
        ValueError: No query of the run is judged, or a strict protocol meets
            a query without relevant item.
        KeyError: A protocol is unknown, or not of those.
    """
    known = [get_protocol(p) if isinstance(p, str) else p for p in protocols]
    for protocol in known:
        if protocol.formula.pairs or protocol.macro or protocol.split or (
                protocol.base in ('pr-11', 'pr-full')):
            raise KeyError('a run is scored without classes, partners, splits '
                           f'and whole rankings: {protocol.name} needs them')
    queries = list(qrels.gains)
    if not set(queries) & set(run):
        raise ValueError(
            'the judgements must be of the queries of the run: it has '
            f'{list(run)[:3]}, they have {queries[:3]}')
    items = set(qrels.corpus or ())
    for scored in (*run.values(), *qrels.gains.values()):
        items.update(scored)
    return [_score(run, qrels, queries, protocol, len(items))
            for protocol in known]


def judged_embeddings(embeddings: Embeddings, qrels: Qrels) -> Embeddings:
    """Let judgements say which of the embeddings answer which.

    The queries are the side on which the judgements' queries are found by
    their ids, the images or the texts.

    Args:
        embeddings: With ids on both sides.
        qrels: Of :func:`read_qrels`.

    Returns:
        The same with labels: item g of the gallery has one column for each
        query, 1 where it answers; a query has its own alone.

    Raises:
        ValueError: There are no ids, or the judgements are of other items.
    """
    ids = {part: embeddings.part(part)[2] for part in ('image', 'text')}
    if any(value is None for value in ids.values()):
        raise ValueError('judgements need the ids of images and texts: the '
                         'embeddings lack image_id or text_id')
    # An id may come several times, as that of a picture with five texts.
    places: dict[str, dict[str, list[int]]] = {}
    for part, value in ids.items():
        places[part] = {}
        for row, name in enumerate(value if value is not None else ()):
            places[part].setdefault(str(name), []).append(row)
    asked = max(places, key=lambda part: len(
        set(qrels.gains) & set(places[part])))
    other = 'text' if asked == 'image' else 'image'
    rows, columns = places[asked], places[other]
    count, size = (sum(map(len, of.values())) for of in (rows, columns))
    own = np.zeros((count, count), bool)
    answers = np.zeros((size, count), bool)
    for query in qrels.gains:
        relevant = qrels.relevant(query)
        lost = [item for item in relevant if item not in columns]
        if query not in rows or lost:
            raise ValueError(
                'judgements must be of the embeddings: there is no '
                f'{asked if query not in rows else other} named '
                f'{query if query not in rows else lost[0]!r}')
        found = [place for item in relevant for place in columns[item]]
        for row in rows[query]:
            own[row, row] = bool(relevant)
            answers[found, row] = True
    image, text = (own, answers) if asked == 'image' else (answers, own)
    return replace(embeddings, classes=(), image_pair=None, text_pair=None,
                   image_label=image, text_label=text)


def _score(run: Mapping[str, Mapping[str, float]], qrels: Qrels,
           queries: Sequence[str], protocol: Protocol, gallery: int
           ) -> Score:
    before, size, counts, relevant = [], [], [], []
    for query in queries:
        wanted = set(qrels.relevant(query))
        items = run.get(query, {})
        row = np.array(list(items.values()), float)
        hits = np.array([at for at, item in enumerate(items)
                         if item in wanted], int)
        ranks = (item_ranks(row, hits) if protocol.ties != 'stable'
                 else stable_ranks(row, hits))
        before.append(ranks[0])
        size.append(ranks[1])
        counts.append(len(hits))
        relevant.append(len(wanted))
    empty = np.zeros(0, np.int64)
    all_relevant = np.array(relevant, np.int64)
    table = replace(
        group_ties(np.concatenate([empty, *before]),
                   np.concatenate([empty, *size]),
                   np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]),
                   gallery), relevant=all_relevant)
    if protocol.strict and not all_relevant.all():
        lost = [query for query, count in zip(queries, relevant, strict=True)
                if not count]
        raise ValueError(f'{protocol.name}: every query must have a relevant '
                         f'item, {len(lost)} have none, such as {lost[:5]}')
    return Score(
        protocol.under(None), 'run', np.array(queries), protocol.values(table),
        protocol.chance(all_relevant, gallery), None,
        float(table.tied_items().sum() / max(1, all_relevant.sum())), gallery,
        asked=protocol.name)


def _is_json(path: str | Path, what: str) -> bool:
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'{what} not found: {path}')
    with open(path, 'rb') as file:
        return file.read(64).lstrip(b'\xef\xbb\xbf \t\r\n')[:1] == b'{'


def _lines(path: str | Path, columns: int, form: str) -> Any:
    try:
        text = Path(path).read_text(encoding='utf-8-sig')
    except UnicodeDecodeError as error:
        raise ValueError(f'a TREC file must be text in UTF-8: {path} is not '
                         f'({error})') from error
    for number, line in enumerate(text.split('\n'), 1):
        parts = line.split()
        if not parts:
            continue
        if len(parts) != columns:
            raise ValueError(f'every line must be "{form}": {path}:{number} '
                             f'has {len(parts)} columns')
        yield f'{path}:{number}', parts


def _add(table: dict[str, dict[str, float]], query: str, item: str,
         value: float, where: str) -> None:
    entries = table.setdefault(query, {})
    if item in entries:
        raise ValueError('an item may come once a query: '
                         f'{where} has {item!r} again for {query!r}')
    entries[item] = value


def _number(value: Any, where: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError('scores and gains must be finite numbers: '
                         f'{where} has {value!r}')
    return number
