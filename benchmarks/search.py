"""How fast exact search answers, one query and many, beside FAISS.

    OMP_NUM_THREADS=1 python benchmarks/search.py [--size 10 128 512]
    OMP_NUM_THREADS=1 python benchmarks/search.py --size 64
        --items 1000 10000 100000 --png growth.png

One query at a time is held against its bare product (a gallery that lies row
by row, as NumPy and torch lay it; ours lies column by column, and its own
product is shown beside), many queries against the bare product of all of
them, and against that and one look at each score (the best of each 64): of
few numbers an item that takes longer than the product. Both stand against
FAISS' flat index where it is installed (pip install faiss-cpu). Results are
compared first. Times are those of the processor, so that a busy machine does
not count; give it one thread.
"""
from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import chtn_plugin  # noqa: F401  (first: see its __init__)
from chtn_plugin.apis import Gallery
from chtn_plugin.evaluation.exact_search import nearest, unit_rows

import numpy as np
import torch

from figures import Figure, add_json_option, write_figures

# Most time of one query over the bare product, and of many together over the
# product and a look at each score: how fast a CPU multiplies says little of
# how fast it reads what it made.
ONE_LIMIT, MANY_LIMIT = 2., 1.5
# Of fewer items the product takes less than the calls around it.
LIMIT_FROM = 100_000


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


def flat_index(rows: np.ndarray) -> Any:
    """FAISS' exact index, or None where FAISS is missing."""
    try:
        import faiss
    except ImportError:
        return None
    faiss.omp_set_num_threads(1)
    index = faiss.IndexFlatIP(rows.shape[1])
    index.add(np.ascontiguousarray(rows))
    return index


def measure(items: int, size: int, rounds: int, topk: int,
            many: int) -> dict[str, Any]:
    """Time one query and many against a gallery, and the bare products."""
    draw = np.random.default_rng(0)
    vectors = draw.standard_normal((items, size), np.float32)
    gallery = Gallery(vectors, [dict(
        kind='image', id=str(i), path=None, text='', label='')
        for i in range(items)])
    rows = gallery.rows('image')
    queries = unit_rows(draw.standard_normal((max(rounds, many), size),
                                             np.float32))
    flat = flat_index(rows)
    for warm in range(3):
        gallery.nearest(queries[warm], topk, 'image')
    by_row = np.ascontiguousarray(rows)
    places = nearest(queries[:many], rows, topk, 1.)[1]
    alone = np.concatenate([nearest(queries[i:i + 1], rows, topk, 1.)[1]
                            for i in range(20)])
    found = dict(items=items, size=size, topk=topk, many=many,
                 same=bool((alone == places[:20]).all()))
    out = np.empty((128, items), np.float32)

    def product_of_many(_: int) -> None:
        for start in range(0, many, 128):
            part = queries[start:start + 128][:many - start]
            np.matmul(part, rows.T, out=out[:len(part)])

    best = torch.empty(128, items // 64)

    def product_and_look(_: int) -> None:
        scores = torch.from_numpy(out)[:, :items // 64 * 64].view(
            128, items // 64, 64)
        for start in range(0, many, 128):
            part = queries[start:start + 128][:many - start]
            np.matmul(part, rows.T, out=out[:len(part)])
            torch.amax(scores[:len(part)], 2, out=best[:len(part)])

    one = [lambda i: by_row @ queries[i], lambda i: rows @ queries[i],
           lambda i: gallery.nearest(queries[i], topk, 'image')]
    all_ = [product_of_many, product_and_look,
            lambda _: nearest(queries[:many], rows, topk, 1.)]
    if flat is not None:
        theirs = flat.search(queries[:many], topk)[1]
        found['same_as_faiss'] = float((theirs == places).mean())
        one.append(lambda i: flat.search(queries[i:i + 1], topk))
        all_.append(lambda _: flat.search(queries[:many], topk))
    found['one_ms'] = median_ms(*one, rounds=rounds)
    found['many_ms'] = [ms / many for ms in median_ms(*all_, rounds=3)]
    return found


def main() -> None:
    """Measure several sizes and print two lines each."""
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--items', type=int, nargs='+', default=[100_000])
    parser.add_argument('--size', type=int, nargs='+',
                        default=[10, 20, 128, 512])
    parser.add_argument('--topk', type=int, default=10)
    parser.add_argument('--rounds', type=int, default=50)
    parser.add_argument('--many', type=int, default=1000,
                        help='queries searched together')
    parser.add_argument('--png', help='where to draw the growth with the '
                        'items, of the first size')
    add_json_option(parser)
    args = parser.parse_args()
    found = [measure(items, size, args.rounds, args.topk, args.many)
             for size in args.size for items in args.items]
    for line in found:
        faiss = [f', FAISS {times[-1]:.2f}' if 'same_as_faiss' in line else ''
                 for times in (line['one_ms'], line['many_ms'])]
        bare, own, ours = line['one_ms'][:3]
        print(f'{line["items"]} items of {line["size"]:4d}, one query: '
              f'{ours:.2f} ms, product by row {bare:.2f} (ratio '
              f'{ours / bare:.2f}), own {own:.2f} ({ours / own:.2f})'
              f'{faiss[0]}')
        bare, look, ours = line['many_ms'][:3]
        print(f'{"":9}{line["many"]} queries together: {ours:.3f} ms a query,'
              f' product {bare:.3f} (ratio {ours / bare:.2f}), with a look at '
              f'each score {look:.3f} ({ours / look:.2f}){faiss[1]}; '
              f'same as one by one: {line["same"]}, as FAISS: '
              f'{line.get("same_as_faiss", "-")}')
    if args.png:
        draw([line for line in found if line['size'] == args.size[0]],
             args.png)
    write_figures(args.json, 'search', [
        figure for line in found for figure in figures(line)])


def draw(found: list[dict[str, Any]], path: str) -> None:
    """Plot ms a query over items, both axes by decades."""
    import matplotlib
    matplotlib.use('Agg')
    import matplotlib.pyplot as plt
    figure, axes = plt.subplots(figsize=(5, 3.4))
    for name, times, place, style in (
            ('one query', 'one_ms', 2, 'o-'),
            ('its product', 'one_ms', 0, 'o:'),
            (f'{found[0]["many"]} together', 'many_ms', 2, 's-'),
            ('their product', 'many_ms', 0, 's:')):
        axes.loglog([line['items'] for line in found],
                    [line[times][place] for line in found], style,
                    label=name)
    axes.set_xlabel(f'items, D = {found[0]["size"]}')
    axes.set_ylabel('processor time a query, ms')
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def figures(line: dict[str, Any]) -> list[Figure]:
    """The ratios of one size."""
    made = []
    limited = line['items'] >= LIMIT_FROM
    for asked, times, overs in (
            ('one query', line['one_ms'],
             {0: ('product of the rows', ONE_LIMIT)}),
            (f'{line["many"]} queries', line['many_ms'],
             {0: ('product of the rows', None),
              1: ('product and a look at each score', MANY_LIMIT)})):
        for place, (over, limit) in overs.items():
            name = f'{asked}, {line["items"]:,} items of {line["size"]}'
            made.append(Figure(
                name + (', with a look' if place else ''),
                times[2] / times[place], over,
                limit=limit if limited else None))
        if 'same_as_faiss' in line:
            made.append(Figure(f'{name}, FAISS flat', times[-1] / times[2],
                               'our search', aim=1., more=True))
    return made


if __name__ == '__main__':
    main()
