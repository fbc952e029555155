"""Time and memory that an index of a million items takes to open.

    OMP_NUM_THREADS=1 python benchmarks/index_opening.py [--png growth.png]

An index of drawn vectors (D = 64) and items, written as tools/index.py writes
them, is opened in a process of its own, which then answers a query; beside it
a process that reads the same vectors into one array, row by row, with NumPy:
the least that any search in memory takes. Processor time, and the most memory
beyond that of the imports. Limits: 1 s to open, 1.2 times the vectors' bytes
at the peak. Hits are compared with those of a gallery in memory first.
"""
from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from figures import Figure, add_json_option, write_figures

SIZE = 64
PART = 4096
# Opening over numpy.load of the parts, and the peak over the vectors.
OPEN_LIMIT, MEMORY_LIMIT = 1.0, 1.2


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--items', type=int, nargs='+',
                        default=[10_000, 100_000, 1_000_000])
    parser.add_argument('--repeats', type=int, default=3)
    parser.add_argument('--png', help='where to draw the growth')
    add_json_option(parser)
    parser.add_argument('--child', help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        print(json.dumps(child(*args.child.split(':', 1))))
        return
    agree()
    print('| items | open, s | first query too, s | numpy.load of '
          'the parts, s | a second query, ms | peak over the vectors '
          '(limit 1.2) | open alone, MiB |\n' + '|---' * 7 + '|')
    rows, figures = [], []
    for count in args.items:
        with tempfile.TemporaryDirectory() as folder:
            write_index(Path(folder), count)
            ways = {way: least(way, folder, args.repeats)
                    for way in ('open', 'search', 'numpy')}
        vectors = count * SIZE * 4 / 2**20
        rows.append((count, ways['open']['open'], ways['search']['open']
                     + ways['search']['first']))
        print(f'| {count:,} | {ways["open"]["open"]:.3f} | '
              f'{rows[-1][2]:.3f} | {ways["numpy"]["open"]:.3f} | '
              f'{ways["search"]["second"] * 1e3:.1f} | '
              f'{ways["search"]["mib"] / vectors:.2f} | '
              f'{ways["open"]["mib"]:.1f} |', flush=True)
        figures += [
            Figure(f'open {count:,} items', ways['open']['open']
                   / ways['numpy']['open'], 'numpy.load of the parts',
                   limit=OPEN_LIMIT),
            Figure(f'open {count:,} items, time', ways['open']['open'],
                   unit='s'),
            Figure(f'open and search {count:,} items', rows[-1][2]
                   / ways['numpy']['open'], 'numpy.load of the parts')]
        # Below that the peak is that of the imports.
        if vectors > 20:
            figures.append(Figure(
                f'peak of opening and searching {count:,} items',
                ways['search']['mib'] / vectors, 'bytes of the vectors',
                limit=MEMORY_LIMIT))
    write_figures(args.json, 'index_opening', figures)
    if args.png:
        draw(rows, args.png)


def least(way: str, folder: str, repeats: int) -> dict[str, float]:
    """The least of each figure over processes of their own."""
    found = [json.loads(subprocess.run(
        [sys.executable, __file__, '--child', f'{way}:{folder}'],
        check=True, capture_output=True, text=True).stdout)
        for _ in range(repeats)]
    return {name: min(each[name] for each in found) for name in found[0]}


def child(way: str, folder: str) -> dict[str, float]:
    """Open, and search if ``way`` says so; seconds and MiB beyond imports."""
    from chtn_plugin.apis.index_store import IndexStore

    import numpy as np
    query = np.random.default_rng(5).standard_normal(SIZE)
    # The first product starts BLAS, which takes memory of its own.
    np.ones((999, 64), np.float32, order='F') @ np.ones(64, np.float32)
    before = peak()
    marks = [time.process_time()]
    if way == 'numpy':
        rows = np.concatenate([np.load(path) for path in sorted(
            Path(folder).glob('*.npy'))])
        assert len(rows)
    else:
        gallery = IndexStore(folder).gallery()
    marks.append(time.process_time())
    for _ in range(2):
        if way == 'search':
            gallery.find(query, 10, 'image')
        marks.append(time.process_time())
    return dict(open=marks[1] - marks[0], first=marks[2] - marks[1],
                second=marks[3] - marks[2], mib=peak() - before)


def peak() -> float:
    """Most memory that the process ever held, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def write_index(folder: Path, count: int) -> None:
    """An index as a build leaves it, of drawn vectors."""
    from chtn_plugin.apis.index_store import IndexStore

    import numpy as np
    store = IndexStore(folder)
    store.head = dict(
        format=4, fingerprint='', model='', similarity='cosine', size=SIZE,
        sources=[dict(path='pictures', home=str(folder))], unfinished=[],
        parts=[], dropped=[], skipped=[], approximate={})
    draw = np.random.default_rng(0)
    for start in range(0, count, PART):
        rows = draw.standard_normal((min(PART, count - start), SIZE),
                                    np.float32)
        items = [dict(kind='image', id=f'{start + row}.jpg', text='',
                      path=str(folder / 'pictures' / f'{start + row}.jpg'),
                      label='', classes=[], stamp='1:1', source=0)
                 for row in range(len(rows))]
        store._write_part([(items, rows)])


def agree() -> None:
    """Refuse to measure what finds something else than it should."""
    from chtn_plugin.apis.gallery import Gallery
    from chtn_plugin.apis.index_store import IndexStore

    import numpy as np
    with tempfile.TemporaryDirectory() as folder:
        write_index(Path(folder), 10_000)
        store = IndexStore(folder)
        memory = Gallery(*store.contents())
        stored = store.gallery()
        for query in np.random.default_rng(1).standard_normal((20, SIZE)):
            assert (stored.nearest(query, 10, 'image')
                    == memory.nearest(query, 10, 'image'))


def draw(rows: list[tuple[int, float, float]], path: str) -> None:
    """Plot seconds over items, both axes by decades."""
    import matplotlib
    matplotlib.use('Agg')
    import matplotlib.pyplot as plt
    figure, axes = plt.subplots(figsize=(5, 3.4))
    counts = [row[0] for row in rows]
    axes.loglog(counts, [row[1] for row in rows], 'o-', label='open')
    axes.loglog(counts, [row[2] for row in rows], 's-',
                label='open and first query')
    axes.set_xlabel(f'items, D = {SIZE}')
    axes.set_ylabel('processor time, s')
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=110)


if __name__ == '__main__':
    main()
