"""Named protocols, each a full definition of what a figure measures."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Optional

import numpy as np

from . import functional as F
from .rank_table import TIE_RULES, RankTable
from .splits import SPLITS

SIMILARITIES = ('cosine', 'dot', 'euclidean')

DEFAULT_PROTOCOL = 'chtn-map-all'
DEFAULT_CUTS = (1, 5, 10, 50)
DEFAULT_SIMILARITY = 'cosine'
#: What is reported beside MAP where partners are known.
PAIR_PROTOCOLS = ('pair-hit-rate@1', 'pair-hit-rate@10', 'pair-median-rank')
DIRECTIONS = ('i2t', 't2i', 'i2i', 't2t')


def check_similarity(kind: str) -> None:
    """Raise ValueError unless this is the name of a similarity."""
    if kind not in SIMILARITIES:
        raise ValueError(f'similarity must be one of '
                         f'{", ".join(SIMILARITIES)}, got {kind!r}')


#: Values of the queries from their ranks, the cut, and whether tied items
#: are averaged over their orders.
Evaluate = Callable[[RankTable, Optional[int], bool], np.ndarray]


@dataclass(frozen=True)
class Formula:
    """One way to make a query's ranking a number.

    Attributes:
        summary: What it is and who uses it, in a line.
        evaluate: Values (Q,) from the ranks, the cut, and whether to take
            the mean over all orders of tied items.
        takes_cut: Whether ``@K`` follows the name. None: it may.
        closed_form: Whether the mean over orders of tied items, and so the
            value of a random ranking, is known.
        pairs: Relevant are the query's own partners instead of the items of
            its class.
        median: Queries are averaged by their median instead of their mean.
        lower_is_better: Whether a small value is a good one.
        chance: Values of random rankings from the relevant items of each
            query and the gallery. None: those of a table that is all tied.
    """
    summary: str
    evaluate: Evaluate
    takes_cut: Optional[bool] = False
    closed_form: bool = True
    pairs: bool = False
    median: bool = False
    lower_is_better: bool = False
    chance: Optional[Callable[[np.ndarray, int], np.ndarray]] = None


@cache  # one function each, whose values are shared
def _ap(divide_by: str) -> Evaluate:
    return lambda table, cut, expected: F.average_precision(
        table, cut, divide_by, expected)


def _at_cut(measure: Callable[[RankTable, int], np.ndarray]) -> Evaluate:
    """A measure that is its own mean over the orders of tied items."""
    def evaluate(table: RankTable, cut: Optional[int],
                 expected: bool) -> np.ndarray:
        assert cut is not None
        return measure(table, cut)
    return evaluate


FORMULAS: dict[str, Formula] = {
    'chtn-map-all': Formula(
        'AP over the whole ranking, divided by all relevant items; the CHTN '
        'release, scikit-learn', _ap('relevant')),
    'acmr-map-hits': Formula(
        'AP of the top k, divided by the relevant items found there; ACMR, '
        'HashNet, OML, torchmetrics', _ap('hits'), takes_cut=True),
    'map-relevant': Formula(
        'AP of the top k, divided by all relevant items; mmpretrain, ranx',
        _ap('relevant'), takes_cut=True),
    'map-min': Formula(
        'AP of the top k, divided by min(relevant items, k); '
        'sentence-transformers', _ap('min'), takes_cut=True),
    'torchcmh-map-first': Formula(
        'mean precision at the first min(k, all) relevant items at any rank; '
        'torchcmh', F.average_precision_of_first, takes_cut=True),
    'map-at-r': Formula(
        'AP of the top R, divided by R, the number of relevant items; '
        'pytorch-metric-learning',
        lambda table, _, expected: F.average_precision(
            table, table.relevant, 'relevant', expected)),
    'hit-rate': Formula(
        'share of queries with a relevant item in the top k; often called '
        'recall', _at_cut(F.hit_rate), takes_cut=True),
    'recall': Formula(
        'share of all relevant items that stand in the top k',
        _at_cut(F.recall), takes_cut=True),
    'precision': Formula('share of the top k that is relevant',
                         _at_cut(F.precision), takes_cut=True),
    'ndcg': Formula('normalised discounted cumulative gain, gains 0 and 1',
                    lambda table, cut, _: F.ndcg(table, cut),
                    takes_cut=None),
    'pr-11': Formula(
        'mean of the best precision at or beyond the 11 recall levels 0, '
        '0.1, ..., 1, with their curve',
        lambda table, *_: F.interpolated_precision(table, 11).mean(1),
        closed_form=False),
    'pr-full': Formula(
        'area under the whole precision-recall curve (AP), with precision '
        'and recall at every rank', _ap('relevant')),
    'pair-hit-rate': Formula(
        'share of queries with a partner, the other side of their own pair, '
        'in the top k; "R@k" of caption retrieval', _at_cut(F.hit_rate),
        takes_cut=True, pairs=True),
    'pair-median-rank': Formula(
        'median over queries of the rank of the first partner; lower is '
        'better', lambda table, *_: F.first_rank(table), pairs=True,
        median=True, lower_is_better=True, chance=F.median_first_rank),
}


@dataclass(frozen=True)
class Protocol:
    """How a ranking becomes a figure; the name says all of it.

    Relevant is every gallery item that shares at least one class with the
    query; under the pair protocols, the query's own partners (see
    :func:`.partner_keys`). Items without a class leave queries and gallery
    of the former, items without a partner stay in the gallery of the latter.
    The gallery is every item of the other modality in the split; for
    i2i and t2t, of the same modality, the query itself taken out. Scores are
    ranked in float32.

    Attributes:
        base: The formula's name, a key of :data:`FORMULAS`.
        cut: Ranks (or relevant items) that count. None: all.
        ties: ``'group'``: a tied group counts as one, whatever the order of
            the file. ``'stable'``: ties stand in file order, as the sort of
            the CHTN release leaves them. ``'expected'``: the mean over all
            orders of tied items, in closed form.
        similarity: ``'cosine'``, ``'dot'`` or ``'euclidean'``. None: what
            the embeddings say they are made for, or else cosine; a score's
            protocol has the one that was used.
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
    similarity: Optional[str] = None
    macro: bool = False
    strict: bool = False
    split: Optional[str] = None

    def under(self, similarity: Optional[str]) -> Protocol:
        """Return the protocol with this similarity unless it names one.

        Raises:
            ValueError: The similarity is unknown.
        """
        if self.similarity is not None:
            return self
        check_similarity(similarity or DEFAULT_SIMILARITY)
        return replace(self, similarity=similarity or DEFAULT_SIMILARITY)

    @property
    def name(self) -> str:
        """The full name, which :func:`get_protocol` reads back."""
        parts = [self.base if self.cut is None else f'{self.base}@{self.cut}']
        parts += [self.ties] * (self.ties != 'group')
        if self.similarity not in (None, DEFAULT_SIMILARITY):
            parts.append(str(self.similarity))
        parts += ['macro'] * self.macro + ['strict'] * self.strict
        name = ':'.join(parts)
        return f'{name}/{self.split}' if self.split else name

    @property
    def summary(self) -> str:
        """What the formula is, in a line."""
        return self.formula.summary

    @property
    def formula(self) -> Formula:
        """The entry of :data:`FORMULAS` that the base names."""
        return FORMULAS[self.base]

    def values(self, table: RankTable) -> np.ndarray:
        """Compute each query's value, NaN if nothing is relevant, (Q,)."""
        expected = self.ties == 'expected'
        evaluate = self.formula.evaluate
        value = table.remember(
            (evaluate, self.cut, expected),
            lambda: evaluate(table, self.cut, expected))
        return np.where(table.relevant > 0, value, np.nan)

    def chance(self, relevant: np.ndarray, gallery: int) -> np.ndarray:
        """Compute the expected value of each query in a random ranking, (Q,).

        NaN for pr-11, whose best precisions have no closed form; for
        pair-median-rank the median in place of the expectation.

        Args:
            relevant: Relevant items of each query, (Q,).
            gallery: Items in the gallery.
        """
        if not self.formula.closed_form:
            return np.full(len(relevant), np.nan)
        if self.formula.chance is not None:
            return self.formula.chance(relevant, gallery)
        counts, which = np.unique(relevant, return_inverse=True)
        none = np.zeros(0, dtype=np.int64)
        table = RankTable(np.zeros(len(counts) + 1, np.int64), none, none,
                          none, none, counts, gallery).shuffled()
        value = self.formula.evaluate(table, self.cut, True)
        return np.where(counts > 0, value, np.nan)[which]


#: No gallery has more items.
MAX_CUT = 10**9


def get_protocol(name: str, split: Optional[str] = None) -> Protocol:
    """Return the protocol of a name, as ``'precision@10'``.

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
    needs_cut = FORMULAS[base].takes_cut
    if (needs_cut and not at) or (needs_cut is False and at):
        raise KeyError(f'protocol {base} takes '
                       f'{"a" if needs_cut else "no"} cut '
                       f'({", ".join(known_names())}); got {name!r}')
    if at and (not cut.isdecimal() or len(cut) > len(str(MAX_CUT))
               or not 1 <= int(cut) <= MAX_CUT):
        raise KeyError(f'a cut must be a whole number from 1 to {MAX_CUT:,}, '
                       f'got {name!r}')
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
    if protocol.ties == 'expected' and not protocol.formula.closed_form:
        raise KeyError(f'{base} has no closed form over tie orders; use the '
                       'rule group or stable')
    if protocol.macro and protocol.formula.pairs:
        raise KeyError(f'{base} takes no option macro: it asks for partners, '
                       f'not for classes; got {name!r}')
    if split is not None and split not in SPLITS:
        raise KeyError(f'a split must be one of {", ".join(SPLITS)}; '
                       f'got {split!r}')
    return replace(protocol, split=split)


def known_names() -> list[str]:
    """Return the names of all formulas, with ``@K`` where a cut belongs."""
    mark = {True: '@K', False: '', None: '[@K]'}
    return [base + mark[formula.takes_cut]
            for base, formula in FORMULAS.items()]


def all_protocols(cuts: Sequence[int] = DEFAULT_CUTS,
                  split: Optional[str] = None,
                  pairs: bool = True,
                  classes: bool = True) -> list[Protocol]:
    """Return every formula, with every cut, the default in each tie rule.

    Args:
        cuts: Cuts of the formulas that take one.
        split: Split of the protocols.
        pairs: Include those that need partners.
        classes: Include those that need classes.
    """
    names = [DEFAULT_PROTOCOL] + [f'{DEFAULT_PROTOCOL}:{option}' for option in
                                  ('stable', 'expected', 'macro')]
    names *= classes
    for base, formula in FORMULAS.items():
        if not (pairs if formula.pairs else classes):
            continue
        if formula.takes_cut is not True and base != DEFAULT_PROTOCOL:
            names.append(base)
        if formula.takes_cut is not False:
            names += [f'{base}@{cut}' for cut in cuts]
    return [get_protocol(name, split) for name in names]
