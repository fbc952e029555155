"""A user's folder of pictures, its table, and the tool that reads them."""
from __future__ import annotations

import csv

import numpy as np
from PIL import Image

from chtn_plugin.curation.own_data import make_manifest
from chtn_plugin.curation.own_pairs import Options


def picture(path, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(
        0, 256, (9, 12, 3), np.uint8)).save(path)


def rows(texts=1):
    return [(f'{index}.png', f'text {index} number {number}', 'abc'[index % 3])
            for index in range(60) for number in range(texts)]


def write_csv(folder, lines, header=('image', 'text', 'label'),
              name='captions.csv', **options):
    with open(folder / name, 'w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file, **options)
        writer.writerow(header)
        writer.writerows(lines)


def make(folder, config=None, said=None, **options):
    options = dict(dict(images='scratch', texts='words'), **options)
    return make_manifest(folder, Options(**options), config,
                         (said if said is not None else []).append)


def few_labels():
    """Every fourth row keeps its class."""
    return [(image, text, label if number % 4 == 0 else '')
            for number, (image, text, label) in enumerate(rows())]


def class_folders(root, extra=''):
    for label in 'ab':
        for index in range(10):
            picture(root / f'{extra}{label}/{index}.jpg',
                    ord(label) * 100 + index)
            (root / f'{extra}{label}/{index}.txt').write_text(
                f'{label} {index}\nline two {index}')
    return root
