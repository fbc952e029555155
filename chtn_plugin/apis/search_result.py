"""The result of a search, as plain objects and as a picture."""
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Optional

from PIL import Image

from chtn_plugin.reporting import Cell, Row, draw_result_sheet


@dataclass(frozen=True)
class Hit:
    """One found item.

    Attributes:
        rank: From 1 on.
        score: Similarity to the query, by cosine or dot product as the
            model says.
        kind: ``'image'`` or ``'text'``.
        id: Name of the item in its gallery.
        path: Picture file; None for a text, or where it is not known.
        text: The text; empty for a picture.
        label: Its class, where the gallery knows it.
        parts: Where a score has several parts: how well each fits, by name.
            ``class``: the probability that query and item are of one class;
            ``instance``: the cosine in which the very item stands out.
    """
    rank: int
    score: float
    kind: str
    id: str
    path: Optional[str] = None
    text: str = ''
    label: str = ''
    parts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class SearchResult:
    """A query and what was found for it, best first.

    Attributes:
        query: The text, or the picture's path (or ``'picture'``).
        kind: ``'image'`` or ``'text'``: what the query is; ``'both'``.
        hits: What was found.
        classes: The model's probability of each class for the query; empty
            without a classifier.
        notes: What a reader should know before trusting the hits.
        picture: The query's picture.
        similarity: What a score is, ``'cosine'`` or ``'dot'``.
    """
    query: str
    kind: str
    hits: list[Hit]
    classes: dict[str, float]
    notes: tuple[str, ...] = ()
    picture: Any = field(default=None, repr=False)
    similarity: str = 'cosine'


def results_json(results: Sequence[SearchResult]) -> str:
    """Search results as a JSON list; pictures of queries are left out."""
    return json.dumps([{key: value for key, value in asdict(result).items()
                        if key != 'picture'} for result in results], indent=1)


def holds_results(path: str | Path) -> bool:
    """Tell whether a file holds :func:`results_json`, and not a user's.

    Args:
        path: Any file, or none.
    """
    names = {one.name for one in fields(SearchResult)} - {'picture'}
    try:
        value = json.loads(Path(path).read_text(encoding='utf-8'))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(value, list) and bool(value) and all(
        isinstance(one, dict) and set(one) == names for one in value)


def draw_results(results: Sequence[SearchResult],
                 fonts: Sequence[str] = (), scale: float = 1.5
                 ) -> Image.Image:
    """Draw search results; see :func:`draw_result_sheet`."""
    rows = []
    for result in results:
        best = max(result.classes, key=lambda name: result.classes[name],
                   default='')
        query = Cell(result.picture if result.kind != 'text' else None,
                     result.query if result.kind != 'image' else '',
                     f'{best} {result.classes[best]:.0%}' if best else '')
        rows.append(Row(query, [
            Cell(hit.path if hit.kind == 'image' else None,
                 hit.text or hit.id, hit.label, hit.score)
            for hit in result.hits]))
    return draw_result_sheet([('Found', rows)], fonts=fonts, scale=scale)
