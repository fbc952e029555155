"""Make one query of a text, a picture or both, and note what it lacks."""
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

import numpy as np

from ..evaluation.exact_search import comparable_rows
from ..models.cross_modal_model import CrossModalModel
from ..text.text_transform import TextTransform
from .gallery import Gallery
from .search_result import Hit


@dataclass(frozen=True)
class Query:
    """What is searched for.

    Attributes:
        text: The query, or
        image: the query; or both, joined.
        image_weight: Share of the picture in a query of both, in [0, 1].

    Raises:
        ValueError: It is neither, or the weight is out of its range.
    """
    text: Any = None
    image: Any = None
    image_weight: float = 0.5

    def __post_init__(self) -> None:
        if self.text is None and self.image is None:
            raise ValueError('a query must be a text or an image, got '
                             'neither')
        if not 0 <= self.image_weight <= 1:
            raise ValueError('image_weight must lie in 0 to 1, got '
                             f'{self.image_weight}')

    @property
    def items(self) -> dict[str, Any]:
        """What there is of ``'image'`` and ``'text'``."""
        return {kind: item for kind, item in (
            ('image', self.image), ('text', self.text)) if item is not None}

    @property
    def kind(self) -> str:
        """``'image'``, ``'text'`` or ``'both'``."""
        return 'both' if len(self.items) == 2 else next(iter(self.items))

    @property
    def shares(self) -> dict[str, float]:
        """How much each kind counts; they sum to 1."""
        if self.kind != 'both':
            return {self.kind: 1.}
        return dict(image=self.image_weight, text=1 - self.image_weight)

    @property
    def words(self) -> str:
        """The query in words, to be shown."""
        shown = (str(self.image) if isinstance(self.image, (str, Path))
                 else 'picture')
        if self.kind == 'both':
            return f'{shown}, {self.text}'
        return shown if self.kind == 'image' else str(self.text)

    def mean(self, rows: Mapping[str, np.ndarray]) -> np.ndarray:
        """Weigh a row of each kind by its share, (D,), in the rows' type.

        Args:
            rows: A row of each kind that the query has, (D,).
        """
        shares = self.shares
        return np.sum([share * rows[kind] for kind, share in shares.items()],
                      axis=0)


def query_vector(rows: Mapping[str, np.ndarray], query: Query,
                 model: CrossModalModel, balance: Optional[float]
                 ) -> np.ndarray:
    """Make the vector that a gallery is searched with, (D,).

    Args:
        rows: Representation of each kind that the query has, (D,).
        query: The query.
        model: Gives the similarity, and the factors of a balance.
        balance: Share of the instance part; None: as validation chose.
    """
    vector = query.mean({kind: comparable_rows(row[None], model.similarity)[0]
                         for kind, row in rows.items()})
    if balance is not None:
        vector = vector * model.query_factors(balance).cpu().numpy()
    return vector


def part_scale(held: Optional[float], balance: Optional[float]
               ) -> dict[str, float]:
    """Return what turns a part's share of a score into the part's own figure.

    Args:
        held: Balance that the model holds; None: it has no parts.
        balance: Balance of the query; None: the model's.

    Returns:
        Factor by part; a part of weight 0 has no figure to show.
    """
    if held is None:
        return {}
    share = held if balance is None else balance
    return {name: 1 / weight for name, weight in (
        ('class', 1 - share), ('instance', share)) if weight > 0}


def query_notes(query: Query, hits: Sequence[Hit], topk: int,
                gallery: Gallery, nearby: Optional[float],
                transform: Optional[TextTransform]) -> Iterator[str]:
    """Say in lines what a reader of the results should know.

    Args:
        query: The query.
        hits: What was found.
        topk: How many were asked for.
        gallery: What was searched.
        nearby: Instance score that 95 % of known pairs reach; None: the
            model knows none.
        transform: Knows which words the model was trained with; None: it
            takes ready features.
    """
    if isinstance(query.text, str) and transform is not None:
        yield from _unknown_words(query.text, transform)
    if query.kind == 'both':
        shares = query.shares
        yield (f'the query joins the picture ({shares["image"]:.0%}) and the '
               f'text ({shares["text"]:.0%})')
    elif (hits and nearby is not None and hits[0].kind != query.kind
            and 'instance' in hits[0].parts):
        best = max(hit.parts['instance'] for hit in hits)
        if best < nearby:
            yield (f'nothing close: the best answer fits at {best:.2f}, and '
                   f'95 % of the pairs that validation knows at '
                   f'{nearby:.2f} or more')
    held = gallery.count(hits[0].kind) if hits else len(gallery)
    if topk > held:
        kinds = '' if held == len(gallery) else f' {hits[0].kind}s'
        yield f'{topk} were asked for, the gallery holds {held}{kinds}'


def _unknown_words(text: str, transform: TextTransform) -> list[str]:
    looked_up = transform.unknown_words(text)
    if looked_up is None:
        return []
    unknown, num_words = looked_up
    if len(unknown) == num_words:
        return ['no word of the query is in the vocabulary that the model '
                'was trained with: the ranking says nothing about it']
    if unknown:
        return ['not in the vocabulary, and so left out: '
                + ', '.join(unknown[:10])]
    return []
