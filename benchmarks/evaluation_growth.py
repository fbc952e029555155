"""How scoring grows with the gallery: time, memory, up to a million items.

    python benchmarks/evaluation_growth.py [--million] [--png growth.png]

Times are processor seconds of one thread; memory is what the peak of the
process rose by while scoring, embeddings given.
"""
from __future__ import annotations

import argparse
import time
from pathlib import Path

from chtn_plugin.evaluation import Embeddings, score_embeddings

import numpy as np
import torch

from evaluation import make, ours, product, seconds
from figures import Figure, add_json_option, write_figures

GALLERIES = (1_000, 3_000, 10_000, 30_000, 100_000)
QUERIES = 1_024
MIB = 2**20


def peak() -> int:
    """Highest resident memory since :func:`forget_peak`, in bytes."""
    for line in Path('/proc/self/status').read_text().splitlines():
        if line.startswith('VmHWM'):
            return int(line.split()[1]) * 1024
    raise OSError('no VmHWM in /proc/self/status')


def forget_peak() -> int:
    """Start a new peak; the resident memory now, in bytes."""
    Path('/proc/self/clear_refs').write_text('5')
    return peak()


def extra_memory(function) -> float:
    """MiB that the peak rises by during a call."""
    before = forget_peak()
    function()
    return (peak() - before) / MIB


def growth(classes, galleries=GALLERIES):
    print(f'\n{QUERIES} queries, D 64, C {classes}')
    print(f'{"gallery":>8} {"product s":>10} {"ours s":>8} {"ratio":>6} '
          f'{"ns a pair":>10} {"extra MiB":>10}')
    rows = []
    for gallery in galleries:
        data = make(QUERIES, gallery, 64, classes)
        bare, _ = seconds(product(data[0], data[2]))
        run = ours(data, True)
        spent, _ = seconds(run)
        extra = extra_memory(run)
        rows.append((gallery, bare, spent))
        print(f'{gallery:8} {bare:10.3f} {spent:8.3f} {spent / bare:6.2f} '
              f'{spent / QUERIES / gallery * 1e9:10.2f} {extra:10.1f}')
    return rows


def memory_at_10k():
    data = make(10_000, 10_000, 64, 10)
    extra = extra_memory(ours(data, True))
    print(f'\n10,000 x 10,000, D 64, C 10: {extra:.1f} MiB extra, limit 64')


def million(threads):
    data = make(10_000, 1_000_000, 64, 10)
    query, query_label, gallery, gallery_label = data
    limit = 2 * gallery.nbytes / MIB + 64
    embeddings = Embeddings(query, gallery, query_label, gallery_label)
    before = forget_peak()
    start, spent = time.perf_counter(), time.process_time()
    score = score_embeddings(embeddings, ['chtn-map-all'], ['i2t'],
                             threads=threads, progress=True)[0]
    start, spent = (time.perf_counter() - start,
                    time.process_time() - spent)
    print(f'10,000 x 1,000,000, D 64, C 10, {threads} thread(s): '
          f'{start:.0f} s wall, {spent:.0f} s of processor, '
          f'{(peak() - before) / MIB:.0f} MiB extra (limit {limit:.0f}), '
          f'{peak() / MIB:.0f} MiB in all (limit 8192), '
          f'{score.protocol.name} {score.value:.6f}')


def draw(path, curves):
    """Log-log plot of seconds over gallery size."""
    import matplotlib
    matplotlib.use('Agg')
    matplotlib.rcParams['svg.fonttype'] = 'none'
    import matplotlib.pyplot as plt
    figure, axes = plt.subplots(figsize=(5, 3.5))
    for classes, rows in curves.items():
        gallery, bare, spent = np.array(rows).T
        axes.loglog(gallery, spent, 'o-', label=f'MAP, {classes} classes')
        axes.loglog(gallery, bare, 's--', label=f'product, run {classes}')
    axes.set(xlabel='gallery', ylabel='processor seconds',
             title=f'chtn-map-all, {QUERIES} queries, D 64')
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=90)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--million', action='store_true')
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--svg', '--png', dest='picture',
                        help='where to draw the growth')
    parser.add_argument('--galleries', type=int, nargs='+',
                        default=GALLERIES)
    add_json_option(parser)
    args = parser.parse_args()
    torch.set_num_threads(1)
    ours(make(2000, 10_000, 8, 4), True)()  # compile
    if max(args.galleries) >= 10_000:
        memory_at_10k()
    curves = {classes: growth(classes, args.galleries)
              for classes in (10, 200)}
    if args.picture:
        draw(args.picture, curves)
    write_figures(args.json, 'evaluation_growth', [
        Figure(f'{QUERIES:,} queries x {gallery:,}, {classes} classes',
               spent / bare, 'similarity product')
        for classes, rows in curves.items()
        for gallery, bare, spent in rows])
    if args.million:
        million(args.threads)


if __name__ == '__main__':
    main()
