"""Named protocols: what exactly a figure measures."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Optional

import numpy as np

from . import functional as F
from .rank_table import TIE_RULES, RankTable
from .similarity import SIMILARITIES
from .splits import SPLITS

DEFAULT_PROTOCOL = 'chtn-map-all'
DEFAULT_CUTS = (1, 5, 10, 50)
DIRECTIONS = ('i2t', 't2i', 'i2i', 't2t')


@dataclass(frozen=True)
class Protocol:
    """How a ranking becomes a figure; the name says all of it.

    Relevant is every gallery item that shares at least one class with the
    query. The gallery is every item of the other modality in the split; for
    i2i and t2t, of the same modality, the query itself taken out. Scores are
    ranked in float32.

    Attributes:
        base: The formula's name, a key of :data:`FORMULAS`.
        cut: Ranks (or relevant items) that count. None: all.
        ties: ``'group'``: a tied group counts as one, whatever the order of
            the file. ``'stable'``: ties stand in file order, as the sort of
            the CHTN release leaves them. ``'expected'``: the mean over all
            orders of tied items, in closed form.
        similarity: ``'cosine'``, ``'dot'`` or ``'euclidean'``.
        macro: Average over the queries of each class, then over classes,
            instead of over all queries.
        strict: A query without relevant item is an error; otherwise it is
            left out of the average and counted.
        split: Name of a known test set that the items must be. None: what
            is given.
    """
    base: str = DEFAULT_PROTOCOL
    cut: Optional[int] = None
    ties: str = 'group'
    similarity: str = 'cosine'
    macro: bool = False
    strict: bool = False
    split: Optional[str] = None

    @property
    def name(self) -> str:
        """The full name, which :func:`get_protocol` reads back."""
        parts = [self.base if self.cut is None else f'{self.base}@{self.cut}']
        parts += [self.ties] * (self.ties != 'group')
        parts += [self.similarity] * (self.similarity != 'cosine')
        parts += ['macro'] * self.macro + ['strict'] * self.strict
        name = ':'.join(parts)
        return f'{name}/{self.split}' if self.split else name

    @property
    def summary(self) -> str:
        """What the formula is, in a line."""
        return FORMULAS[self.base][1]

    def values(self, table: RankTable) -> np.ndarray:
        """Value of each query, NaN where nothing is relevant, (Q,)."""
        value = self._evaluate(table, self.ties == 'expected')
        return np.where(table.relevant > 0, value, np.nan)

    def chance(self, relevant: np.ndarray, gallery: int) -> np.ndarray:
        """Expected value of each query when the ranking is random, (Q,).

        NaN for pr-11, whose best precisions have no closed form.

        Args:
            relevant: Relevant items of each query, (Q,).
            gallery: Items in the gallery.
        """
        if self.base == 'pr-11':
            return np.full(len(relevant), np.nan)
        counts, which = np.unique(relevant, return_inverse=True)
        none = np.zeros(0, dtype=np.int64)
        table = RankTable(np.zeros(len(counts) + 1, np.int64), none, none,
                          none, none, counts, gallery).shuffled()
        value = self._evaluate(table, expected=True)
        return np.where(counts > 0, value, np.nan)[which]

    def _evaluate(self, table: RankTable, expected: bool) -> np.ndarray:
        cut = self.cut
        if self.base in ('chtn-map-all', 'pr-full'):
            return F.average_precision(table, expected=expected)
        if self.base == 'acmr-map-hits':
            return F.average_precision(table, cut, 'hits', expected)
        if self.base == 'map-relevant':
            return F.average_precision(table, cut, 'relevant', expected)
        if self.base == 'map-min':
            return F.average_precision(table, cut, 'min', expected)
        if self.base == 'map-at-r':
            return F.average_precision(table, table.relevant, 'relevant',
                                       expected)
        if self.base == 'torchcmh-map-first':
            return F.average_precision_of_first(table, cut, expected)
        if self.base == 'ndcg':
            return F.ndcg(table, cut)
        if self.base == 'pr-11':
            return F.interpolated_precision(table, 11).mean(1)
        by_cut = {'hit-rate': F.hit_rate, 'recall': F.recall,
                  'precision': F.precision}
        assert cut is not None
        return by_cut[self.base](table, cut)


# Whether a cut follows the name ('@k'), and what the formula is.
FORMULAS: dict[str, tuple[Optional[bool], str]] = {
    'chtn-map-all': (False, 'AP over the whole ranking, divided by all '
                            'relevant items; the CHTN release, scikit-learn'),
    'acmr-map-hits': (True, 'AP of the top k, divided by the relevant items '
                            'found there; ACMR, HashNet, OML, torchmetrics'),
    'map-relevant': (True, 'AP of the top k, divided by all relevant items; '
                           'mmpretrain, ranx'),
    'map-min': (True, 'AP of the top k, divided by min(relevant items, k); '
                      'sentence-transformers'),
    'torchcmh-map-first': (True, 'mean precision at the first min(k, all) '
                                 'relevant items at any rank; torchcmh'),
    'map-at-r': (False, 'AP of the top R, divided by R, the number of '
                        'relevant items; pytorch-metric-learning'),
    'hit-rate': (True, 'share of queries with a relevant item in the top k; '
                       'often called recall'),
    'recall': (True, 'share of all relevant items that stand in the top k'),
    'precision': (True, 'share of the top k that is relevant'),
    'ndcg': (None, 'normalised discounted cumulative gain, gains 0 and 1'),
    'pr-11': (False, 'mean of the best precision at or beyond the 11 recall '
                     'levels 0, 0.1, ..., 1, with their curve'),
    'pr-full': (False, 'area under the whole precision-recall curve (AP), '
                       'with precision and recall at every rank'),
}


def get_protocol(name: str, split: Optional[str] = None) -> Protocol:
    """Protocol of a name such as ``'chtn-map-all'`` or ``'precision@10'``.

    A name reads ``FORMULA[@K][:OPTION...][/SPLIT]``; options are a tie rule
    (``group``, ``stable``, ``expected``), a similarity (``cosine``,
    ``dot``, ``euclidean``), ``macro`` and ``strict``.

    Args:
        name: The name.
        split: Split to set where the name holds none.

    Raises:
        KeyError: A part of the name is unknown; the message lists the known
            ones.
    """
    head, _, named_split = name.partition('/')
    split = named_split or split
    formula, *options = head.split(':')
    base, at, cut = formula.partition('@')
    if base not in FORMULAS:
        raise KeyError('a protocol must be one of '
                       f'{", ".join(known_names())}; got {name!r}')
    needs_cut = FORMULAS[base][0]
    if (needs_cut and not at) or (needs_cut is False and at):
        raise KeyError(f'protocol {base} takes '
                       f'{"a" if needs_cut else "no"} cut '
                       f'({", ".join(known_names())}); got {name!r}')
    if at and (not cut.isdecimal() or int(cut) < 1):
        raise KeyError(f'a cut must be a whole number from 1, got {name!r}')
    protocol = Protocol(base, int(cut) if at else None)
    for option in options:
        if option in TIE_RULES:
            protocol = replace(protocol, ties=option)
        elif option in SIMILARITIES:
            protocol = replace(protocol, similarity=option)
        elif option == 'macro':
            protocol = replace(protocol, macro=True)
        elif option == 'strict':
            protocol = replace(protocol, strict=True)
        else:
            raise KeyError('a protocol option must be one of '
                           f'{", ".join((*TIE_RULES, *SIMILARITIES))}, '
                           f'macro, strict; got {option!r} in {name!r}')
    if protocol.ties == 'expected' and base == 'pr-11':
        raise KeyError('pr-11 has no closed form over tie orders; use the '
                       'rule group or stable')
    if split is not None and split not in SPLITS:
        raise KeyError(f'a split must be one of {", ".join(SPLITS)}; '
                       f'got {split!r}')
    return replace(protocol, split=split)


def known_names() -> list[str]:
    """Names of all formulas, with ``@K`` where a cut belongs."""
    mark = {True: '@K', False: '', None: '[@K]'}
    return [base + mark[cut] for base, (cut, _) in FORMULAS.items()]


def all_protocols(cuts: Sequence[int] = DEFAULT_CUTS,
                  split: Optional[str] = None) -> list[Protocol]:
    """Every formula, with every cut, and the default in each tie rule."""
    names = [DEFAULT_PROTOCOL] + [f'{DEFAULT_PROTOCOL}:{option}' for option in
                                  ('stable', 'expected', 'macro')]
    for base, (takes_cut, _) in FORMULAS.items():
        if takes_cut is not True and base != DEFAULT_PROTOCOL:
            names.append(base)
        if takes_cut is not False:
            names += [f'{base}@{cut}' for cut in cuts]
    return [get_protocol(name, split) for name in names]
