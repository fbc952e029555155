"""How time and memory grow with the rows of a data set.

    python benchmarks/scale.py --sizes 1000 10000 100000 1000000
        [--parts manifest ...] [--png docs/images/scale.png]

Rows are generated: a text of twelve words, one of 10 or of 10,000 classes,
a picture that is a ready feature. Times are processor seconds of one thread,
the least of three where one takes under fifteen seconds; memory is what the
peak of the process rose by. The exponent is the slope over the two largest
decades, and over the last alone: 1 is linear. Pictures are hashed beforehand:
what the doctor does with the hashes is measured, not the decoding. Shards hold
a tenth as many members, of a kilobyte each. Peers stand beside, bare: the csv
module, pyarrow, scikit-learn, names read by json into a dictionary, and
webdataset's own loop where it is installed.
"""
from __future__ import annotations

import argparse
import csv
import gc
import io
import json
import math
import os
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chtn_plugin.curation.doctor import check_classes, check_texts
from chtn_plugin.curation.image_facts import ImageFacts
from chtn_plugin.curation.near_duplicates import near_duplicates
from chtn_plugin.datasets import CrossModalDataset
from chtn_plugin.datasets.manifest import read_manifest
from chtn_plugin.storage.row_store import FeatureStore
from chtn_plugin.storage.shards import file_bytes, opened
from chtn_plugin.text.bag_of_words import BagOfWords

import numpy as np
import torch
from mmengine.logging import MMLogger

from evaluation_growth import MIB, forget_peak, peak
from figures import Figure, add_json_option, write_figures

# Of time over rows, over the two largest decades, from so many rows on: below,
# what is done once (a file is mapped, a folder is brought to the disk) shows.
# 1 is a straight line, 2 a square. Over the last decade alone what no longer
# fits a cache of the processor bends (pyarrow's own reader has 1.14 there, a
# Python dictionary more): that is shown, and has no limit.
EXPONENT_LIMIT, LIMIT_FROM, DECADES = 1.1, 10_000, 2

Part = Callable[[], Any]
# Rows that are drawn together.
_BLOCK = 100_000
# A call of so many seconds is not repeated.
_LONG = 15.


def write_manifest(folder: Path, rows: int, classes: int) -> Path:
    """A manifest: nine of ten rows train, the others test."""
    path = folder / f'{rows}-{classes}.tsv'
    if path.exists():
        return path
    words = [f'word{number}' for number in range(20_000)]
    draw = np.random.default_rng(0)
    with path.open('w', encoding='utf-8') as file:
        file.write('id\tsplit\tclass\timage\ttext\n')
        for first in range(0, rows, _BLOCK):
            size = min(_BLOCK, rows - first)
            # Frequent words are frequent, as in texts.
            drawn = draw.zipf(1.3, (size, 12)) % len(words)
            for row, own in enumerate(drawn.tolist(), first):
                text = ' '.join([words[word] for word in own])
                file.write(f'p{row}\t{"test" if row % 10 == 9 else "train"}'
                           f'\tclass{row // 10 % classes}\t{row}.jpg\t'
                           f'{text}\n')
    return path


def facts(rows: int) -> dict[str, ImageFacts]:
    """Facts of patchy pictures, a tenth of them near another."""
    random = np.random.default_rng(0)
    found: dict[str, ImageFacts] = {}
    for row in range(rows):
        if row % 10 == 9:
            near = found[str(row - 1)]
            assert near.thumbnail is not None
            noise = random.integers(-2, 3, (16, 16, 3))
            thumbnail = np.clip(near.thumbnail + noise, 0, 255)
            dhash = near.dhash ^ (1 << int(random.integers(64)))
        else:
            patches = random.integers(0, 256, (3, 3, 3))
            thumbnail = np.clip(
                np.kron(patches, np.ones((6, 6, 1), int))[:16, :16]
                + random.integers(-12, 13, (16, 16, 3)), 0, 255)
            grid = thumbnail.mean(2)[::2, [0, 2, 4, 6, 8, 10, 12, 14, 15]]
            dhash = int.from_bytes(np.packbits(
                grid[:, 1:] > grid[:, :-1]).tobytes(), 'big')
        found[str(row)] = ImageFacts(None, str(row), dhash,
                                     thumbnail.astype(np.uint8))
    return found


def bare_csv(folder: Path, rows: int) -> Part:
    path = write_manifest(folder, rows, 10)

    def read() -> list:
        with path.open(encoding='utf-8', newline='') as file:
            return list(csv.reader(file, delimiter='\t',
                                   quoting=csv.QUOTE_NONE))
    return read


def bare_pyarrow(folder: Path, rows: int) -> Part:
    from pyarrow import csv as arrow
    path = write_manifest(folder, rows, 10)
    options = arrow.ParseOptions(delimiter='\t', quote_char=False)
    return lambda: arrow.read_csv(path, parse_options=options)


def first_reading(folder: Path, rows: int) -> Part:
    path = write_manifest(folder, rows, 10)

    def read() -> Any:
        # Another time is another file to the cache.
        os.utime(path)
        return read_manifest(path)
    return read


def kept_manifest(folder: Path, rows: int) -> Part:
    path = write_manifest(folder, rows, 10)
    read_manifest(path)
    return lambda: read_manifest(path)


def dataset(folder: Path, rows: int, classes: int = 10) -> Part:
    path = write_manifest(folder, rows, classes)
    features = folder / f'{rows}.npz'
    np.savez(features, x=np.zeros((rows, 8), np.float32))
    read_manifest(path)

    def make() -> CrossModalDataset:
        made = CrossModalDataset(
            str(path), dict(type='BagOfWords'),
            image_features=dict(file=str(features), key='x'))
        made.full_init()
        return made
    return make


def many_classes(folder: Path, rows: int) -> Part:
    return dataset(folder, rows, 10_000)


def texts_of(folder: Path, rows: int) -> list[str]:
    return list(read_manifest(write_manifest(folder, rows, 10)).texts)


def vocabulary(folder: Path, rows: int) -> Part:
    texts = texts_of(folder, rows)

    def fit() -> Any:
        bag = BagOfWords()
        bag.fit(texts)
        return bag.encode(texts)
    return fit


def bare_scikit_learn(folder: Path, rows: int) -> Part:
    from sklearn.feature_extraction.text import CountVectorizer
    texts = texts_of(folder, rows)
    return lambda: CountVectorizer(max_features=3000).fit_transform(texts)


def doctor(folder: Path, rows: int) -> Part:
    records = read_manifest(write_manifest(folder, rows, 10))
    return lambda: (check_classes(records), check_texts(records))


def doctor_near(folder: Path, rows: int) -> Part:
    known = facts(rows)
    return lambda: near_duplicates(known)


def cache_rows(rows: int) -> tuple[list[str], np.ndarray]:
    return ([f'{row:064x}' for row in range(rows)],
            np.zeros((rows, 64), np.float32))


def bare_dictionary(folder: Path, rows: int) -> Part:
    written = json.dumps(cache_rows(rows)[0])

    def read() -> dict[str, int]:
        names = json.loads(written)
        return dict(zip(names, range(len(names)), strict=True))
    return read


def fill_cache(folder: Path, rows: int) -> Part:
    names, features = cache_rows(rows)

    def fill() -> Any:
        with tempfile.TemporaryDirectory(dir=folder) as place:
            store = FeatureStore(place, 'a' * 40)
            with store.adder() as adder:
                for first in range(0, rows, 64):
                    adder.add(names[first:first + 64],
                              features[first:first + 64])
            return len(store)
    return fill


def open_cache(folder: Path, rows: int) -> Part:
    names, features = cache_rows(rows)
    place = folder / f'cache{rows}'
    with FeatureStore(place, 'a' * 40).adder() as adder:
        for first in range(0, rows, 64):
            adder.add(names[first:first + 64], features[first:first + 64])
    return lambda: FeatureStore(place, 'a' * 40)


def open_index(folder: Path, rows: int) -> Part:
    from chtn_plugin.apis.index_store import IndexStore

    from index_opening import write_index
    place = folder / f'index{rows}'
    if not place.exists():
        place.mkdir()
        write_index(place, rows)
    return lambda: IndexStore(place).gallery()


def shard(folder: Path, rows: int) -> Path:
    path = folder / f'{rows}.tar'
    if path.exists():
        return path
    content = bytes(1000)
    with tarfile.open(path, 'w') as archive:
        for row in range(rows // 10):
            member = tarfile.TarInfo(f'{row:09}.jpg')
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def shuffled_shard(folder: Path, rows: int) -> Part:
    path = shard(folder, rows)
    order = np.random.default_rng(0).permutation(rows // 10).tolist()
    opened(path)
    return lambda: sum(len(file_bytes(f'{path}/{row:09}.jpg'))
                       for row in order)


def index_shard(folder: Path, rows: int) -> Part:
    path = shard(folder, rows)

    def make() -> Any:
        os.utime(path)
        return opened(path)
    return make


def bare_webdataset(folder: Path, rows: int) -> Part:
    import webdataset
    path = shard(folder, rows)
    return lambda: sum(len(sample['jpg']) for sample in webdataset.WebDataset(
        str(path), shardshuffle=False))


PARTS: dict[str, Callable[[Path, int], Part]] = {
    'csv module, bare': bare_csv,
    'pyarrow, bare': bare_pyarrow,
    'manifest, first reading': first_reading,
    'manifest, opened again': kept_manifest,
    'data set, 10 classes': dataset,
    'data set, 10,000 classes': many_classes,
    'scikit-learn CountVectorizer, bare': bare_scikit_learn,
    'vocabulary and bags of words': vocabulary,
    'doctor, classes and texts': doctor,
    'doctor, near-duplicates': doctor_near,
    'names into a dictionary, bare': bare_dictionary,
    'feature cache, filled by 64': fill_cache,
    'feature cache, opened': open_cache,
    'index, opened': open_index,
    'shard, index made': index_shard,
    'shard, read in any order': shuffled_shard,
    'webdataset, in order, bare': bare_webdataset,
}


def measured(part: Part) -> tuple[float, float]:
    """Processor seconds of the best of three calls, MiB of the first.

    The first call asks the system for its memory, which a later one finds
    again: so a size with one call is compared with one that had three only
    where a call takes long.
    """
    best, extra = math.inf, 0.
    for attempt in range(3):
        gc.collect()
        before = forget_peak()
        start = time.process_time()
        kept = part()
        best = min(best, time.process_time() - start)
        if not attempt:
            extra = (peak() - before) / MIB
        del kept
        if best > _LONG:
            break
    return best, extra


def exponent(sizes: list[int], row: list[tuple[float, float]],
             decades: int) -> str:
    """Slope of the time over so many decades, up to the largest size."""
    first = next(place for place, size in enumerate(sizes)
                 if size * 10 ** decades >= sizes[-1])
    if len(row) < len(sizes) or first == len(sizes) - 1:
        return ''
    return '{:.2f}'.format(math.log(row[-1][0] / row[first][0])
                           / math.log(sizes[-1] / sizes[first]))


def draw(sizes: list[int], table: dict[str, list[tuple[float, float]]],
         path: str) -> None:
    """Plot seconds over rows, both axes by decades."""
    import matplotlib
    matplotlib.use('Agg')
    import matplotlib.pyplot as plt
    figure, axes = plt.subplots(1, 2, figsize=(10, 4.6), sharex=True)
    for number, (name, row) in enumerate(table.items()):
        style = dict(
            linestyle=':' if 'bare' in name else '-', color=f'C{number % 10}',
            marker='os^vD'[number % 5], markersize=4, label=name)
        axes[0].loglog(sizes[:len(row)], [max(time, 1e-4)
                                          for time, _ in row], **style)
        axes[1].loglog(sizes[:len(row)], [max(extra, .1)
                                          for _, extra in row], **style)
    axes[0].set_ylabel('processor time, s')
    axes[1].set_ylabel('memory, MiB')
    for each in axes:
        each.set_xlabel('rows')
    figure.tight_layout()
    axes[1].legend(fontsize=7, loc='center left', bbox_to_anchor=(1.02, .5))
    figure.savefig(path, dpi=90, bbox_inches='tight')


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--sizes', type=int, nargs='+',
                        default=[1_000, 10_000, 100_000])
    parser.add_argument('--parts', nargs='+', default=[''],
                        help='parts whose names hold one of these')
    parser.add_argument('--png', help='where to draw the growth')
    add_json_option(parser)
    args = parser.parse_args()
    sizes = sorted(args.sizes)
    torch.set_num_threads(1)
    MMLogger.get_current_instance().setLevel('ERROR')
    parts = {name: part for name, part in PARTS.items()
             if any(word in name for word in args.parts)}
    table: dict[str, list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        os.environ['CHTN_CACHE'] = str(folder / 'kept')
        for name, part in list(parts.items()):
            try:
                # What is loaded once, or filled once, is no part of a size.
                part(folder, 100)()
            except ImportError as error:
                print(f'{name}: {error}')
                del parts[name]
        for size in sizes:
            for name, part in parts.items():
                table.setdefault(name, []).append(measured(part(folder,
                                                                size)))
                spent, extra = table[name][-1]
                print(f'{size:9} {name:35} {spent:9.3f} s {extra:9.1f} MiB',
                      flush=True)
    print('\n| what | ' + ' | '.join(f'{size:,} rows' for size in sizes)
          + f' | exponent, {DECADES} decades | the last |\n'
          + '|---' * (len(sizes) + 3) + '|')
    figures = []
    for name, row in table.items():
        cells = ' | '.join(f'{spent:.3g} s, {extra:.0f} MiB'
                           for spent, extra in row)
        slope, last = (exponent(sizes, row, decades)
                       for decades in (DECADES, 1))
        print(f'| {name} | {cells} | {slope} | {last} |')
        if 'bare' in name:
            continue
        if 'csv module, bare' in table:
            figures.append(Figure(
                f'{name}, {sizes[-1]:,} rows', row[-1][0]
                / table['csv module, bare'][-1][0], 'csv module, bare'))
        if slope:
            figures.append(Figure(f'{name}, exponent', float(slope),
                                  **dict(limit=EXPONENT_LIMIT,
                                         aim=EXPONENT_LIMIT)
                                  if sizes[-1] >= LIMIT_FROM * 10 ** DECADES
                                  else {}))
    write_figures(args.json, 'scale', figures)
    if args.png:
        draw(sizes, table, args.png)


if __name__ == '__main__':
    main()
