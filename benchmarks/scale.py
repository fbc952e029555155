"""How time and memory grow with the rows of a data set.

    python benchmarks/scale.py [--sizes 1000 10000 100000]

Rows are generated: a text of twelve words, one of 10 or of 10,000 classes,
a picture that is a ready feature. Times are processor seconds of one thread;
memory is what the peak of the process rose by. The exponent is the slope
between the two largest sizes: 1 is linear. Pictures are hashed beforehand:
what the doctor does with the hashes is measured, not the decoding.
"""
from __future__ import annotations

import argparse
import csv
import gc
import math
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chtn_plugin.curation.doctor import check_classes, check_texts
from chtn_plugin.curation.image_facts import ImageFacts, near_duplicates
from chtn_plugin.datasets import CrossModalDataset
from chtn_plugin.datasets.manifest import read_manifest

import numpy as np
import torch
from mmengine.logging import MMLogger

from evaluation_growth import MIB, forget_peak, peak
from figures import Figure, add_json_option, write_figures

# Of time over rows, between the two largest sizes.
EXPONENT_LIMIT = 1.25

Part = Callable[[], Any]


def write_manifest(folder: Path, rows: int, classes: int) -> Path:
    """A manifest: nine of ten rows train, the others test."""
    words = [f'word{number}' for number in range(20_000)]
    # Frequent words are frequent, as in texts.
    drawn = np.random.default_rng(0).zipf(1.3, (rows, 12)) % len(words)
    path = folder / f'{rows}-{classes}.tsv'
    with path.open('w', encoding='utf-8') as file:
        file.write('id\tsplit\tclass\timage\ttext\n')
        for row in range(rows):
            text = ' '.join(words[word] for word in drawn[row])
            file.write(f'p{row}\t{"test" if row % 10 == 9 else "train"}\t'
                       f'class{row // 10 % classes}\t{row}.jpg\t{text}\n')
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


def dataset(path: Path, features: Path) -> CrossModalDataset:
    made = CrossModalDataset(
        str(path), dict(type='BagOfWords'),
        image_features=dict(file=str(features), key='x'))
    made.full_init()
    return made


def parts(folder: Path, rows: int) -> dict[str, Part]:
    """What is measured at a size, by name."""
    few, many = (write_manifest(folder, rows, classes)
                 for classes in (10, 10_000))
    features = folder / f'{rows}.npz'
    np.savez(features, x=np.zeros((rows, 8), np.float32))
    records = read_manifest(few)
    known = facts(rows)

    def bare() -> list:
        with few.open(encoding='utf-8', newline='') as file:
            return list(csv.reader(file, delimiter='\t',
                                   quoting=csv.QUOTE_NONE))

    found: dict[str, Part] = {
        'csv module, bare': bare,
        'manifest': lambda: read_manifest(few),
        'data set, 10 classes': lambda: dataset(few, features),
        'data set, 10,000 classes': lambda: dataset(many, features),
        'doctor, classes and texts': lambda: (check_classes(records),
                                              check_texts(records)),
        'doctor, near-duplicates': lambda: near_duplicates(known),
    }
    try:
        from pyarrow import csv as arrow
    except ImportError:
        return found
    options = arrow.ParseOptions(delimiter='\t', quote_char=False)
    return {'pyarrow, bare': lambda: arrow.read_csv(
        few, parse_options=options), **found}


def measured(part: Part) -> tuple[float, float]:
    """Processor seconds and MiB of one call."""
    gc.collect()
    before = forget_peak()
    start = time.process_time()
    kept = part()
    spent = time.process_time() - start
    extra = (peak() - before) / MIB
    del kept
    return spent, extra


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--sizes', type=int, nargs='+',
                        default=[1_000, 10_000, 100_000])
    add_json_option(parser)
    args = parser.parse_args()
    sizes = sorted(args.sizes)
    torch.set_num_threads(1)
    MMLogger.get_current_instance().setLevel('ERROR')
    table: dict[str, list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        # What is loaded once, or filled once, is no part of any size.
        for part in parts(Path(folder), 100).values():
            part()
        for size in sizes:
            for name, part in parts(Path(folder), size).items():
                table.setdefault(name, []).append(measured(part))
                spent, extra = table[name][-1]
                print(f'{size:9} {name:28} {spent:9.3f} s {extra:9.1f} MiB',
                      flush=True)
    print('\n| what | ' + ' | '.join(f'{size:,} rows' for size in sizes)
          + ' | exponent |\n' + '|---' * (len(sizes) + 2) + '|')
    figures = []
    for name, row in table.items():
        cells = ' | '.join(f'{spent:.3g} s, {extra:.0f} MiB'
                           for spent, extra in row)
        exponent = '' if len(sizes) < 2 else '{:.2f}'.format(
            math.log(row[-1][0] / row[-2][0])
            / math.log(sizes[-1] / sizes[-2]))
        print(f'| {name} | {cells} | {exponent} |')
        if 'bare' in name:
            continue
        figures.append(Figure(
            f'{name}, {sizes[-1]:,} rows', row[-1][0]
            / table['csv module, bare'][-1][0], 'csv module, bare'))
        if exponent:
            figures.append(Figure(f'{name}, exponent', float(exponent),
                                  limit=EXPONENT_LIMIT))
    write_figures(args.json, 'scale', figures)


if __name__ == '__main__':
    main()
