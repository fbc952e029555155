"""How fast exact search answers, against the bare matrix product.

    OMP_NUM_THREADS=1 python benchmarks/search.py

The goal: 100,000 items in under 50 ms on one core, at most 1.5 times the
product of a gallery that lies row by row, as NumPy and torch lay it. Ours lies
column by column; its own, faster product is shown beside. Times are those of
the processor, so that a busy machine does not count; give it one thread.
"""
from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

import chtn_plugin  # noqa: F401  (first: see its __init__)
from chtn_plugin.apis import Gallery
from chtn_plugin.evaluation.exact_search import unit_rows

import numpy as np


def median_ms(*actions: Callable[[int], object],
              rounds: int) -> list[float]:
    """Median processor time of each action, ms; they take turns."""
    times: list[list[float]] = [[] for _ in actions]
    for round_ in range(rounds):
        for action, taken in zip(actions, times, strict=True):
            start = time.process_time()
            action(round_)
            taken.append(time.process_time() - start)
    return [1e3 * float(np.median(taken)) for taken in times]


def measure(items: int, size: int, rounds: int,
            topk: int) -> dict[str, float]:
    """Time one query against a gallery, and the bare products."""
    draw = np.random.default_rng(0)
    vectors = draw.standard_normal((items, size), np.float32)
    gallery = Gallery(vectors, [dict(
        kind='image', id=str(i), path=None, text='', label='')
        for i in range(items)])
    rows = gallery.rows('image')
    queries = unit_rows(draw.standard_normal((rounds, size), np.float32))
    for warm in range(3):
        gallery.nearest(queries[warm], topk, 'image')
    by_row = np.ascontiguousarray(rows)
    bare, own, whole = median_ms(
        lambda i: by_row @ queries[i],
        lambda i: rows @ queries[i],
        lambda i: gallery.nearest(queries[i], topk, 'image'), rounds=rounds)
    return dict(items=items, size=size, topk=topk, search_ms=whole,
                product_ms=bare, ratio=whole / bare, own_product_ms=own,
                own_ratio=whole / own)


def main() -> None:
    """Measure several sizes and print one line each."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--items', type=int, default=100_000)
    parser.add_argument('--size', type=int, nargs='+',
                        default=[10, 20, 128, 512])
    parser.add_argument('--topk', type=int, default=10)
    parser.add_argument('--rounds', type=int, default=50)
    parser.add_argument('--json', help='file to write the figures to')
    args = parser.parse_args()
    found = [measure(args.items, size, args.rounds, args.topk)
             for size in args.size]
    for line in found:
        print(f'{line["items"]} items of {line["size"]:5d}: '
              f'{line["search_ms"]:7.2f} ms a query, bare product '
              f'{line["product_ms"]:7.2f} ms, ratio {line["ratio"]:.2f}; '
              f'own product {line["own_product_ms"]:7.2f} ms, ratio '
              f'{line["own_ratio"]:.2f}')
    if args.json:
        with open(args.json, 'w', encoding='utf-8') as file:
            json.dump(found, file, indent=1)


if __name__ == '__main__':
    main()
