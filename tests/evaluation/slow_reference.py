"""Slow, plain definitions that the fast code is held against."""
from __future__ import annotations

from itertools import permutations

import numpy as np


def average_precision(scores, relevant, cut=None, divide_by='relevant'):
    """AP of one query by double loop, tied items counting as one group."""
    n, total = len(scores), 0.
    found = 0.
    for i in range(n):
        if not relevant[i]:
            continue
        above = sum(scores[j] > scores[i] for j in range(n))
        tied = sum(scores[j] == scores[i] for j in range(n))
        hits = sum(relevant[j] and scores[j] >= scores[i] for j in range(n))
        inside = tied if cut is None else min(max(cut - above, 0), tied)
        total += inside / tied * hits / (above + tied)
        found += inside / tied
    by = {'relevant': sum(relevant), 'hits': found,
          'min': sum(relevant) if cut is None else min(cut, sum(relevant))}
    return total / by[divide_by] if by[divide_by] else 0.


def ranked_hits(scores, relevant):
    """Relevance down the list, ties in file order."""
    order = sorted(range(len(scores)), key=lambda i: -scores[i])
    return [bool(relevant[i]) for i in order]


def all_orders(scores, relevant):
    """Relevance down the list in every order that the ties allow."""
    seen = []
    for order in permutations(range(len(scores))):
        ranked = [scores[i] for i in order]
        if ranked == sorted(ranked, reverse=True):
            seen.append([bool(relevant[i]) for i in order])
    return seen


def measure(hits, base, cut):
    """Any measure of one list of hits, as its formula reads."""
    total, n = sum(hits), len(hits)
    precisions = [sum(hits[:i + 1]) / (i + 1) for i in range(n)]
    at_hits = [p for p, hit in zip(precisions, hits, strict=True) if hit]
    top = hits[:cut] if cut else hits
    in_top = at_hits[:sum(top)]
    discount = [1 / np.log2(i + 2) for i in range(n)]
    if base in ('chtn-map-all', 'pr-full'):
        return sum(at_hits) / total
    if base == 'acmr-map-hits':
        return sum(in_top) / len(in_top) if in_top else 0.
    if base == 'map-relevant':
        return sum(in_top) / total
    if base == 'map-min':
        return sum(in_top) / min(total, cut)
    if base == 'map-at-r':
        return sum(at_hits[:sum(hits[:total])]) / total
    if base == 'torchcmh-map-first':
        return sum(at_hits[:cut]) / min(total, cut)
    if base == 'pair-median-rank':
        return hits.index(True) + 1
    if base in ('hit-rate', 'pair-hit-rate'):
        return float(any(top))
    if base == 'recall':
        return sum(top) / total
    if base == 'precision':
        return sum(top) / cut
    if base == 'ndcg':
        best = sum(discount[:min(total, cut or n)])
        return sum(d for d, hit in zip(discount, top, strict=False)
                   if hit) / best
    if base == 'pr-11':
        recalls = [sum(hits[:i + 1]) for i in range(n)]
        return np.mean([max(p for p, r in zip(precisions, recalls,
                                              strict=True)
                            if 10 * r >= level * total)
                        for level in range(11)])
    raise KeyError(base)
