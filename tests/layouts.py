"""Tiny trees in the exact layouts of the originals."""
from __future__ import annotations

from pathlib import Path
from typing import Optional

import numpy as np
from PIL import Image


def picture(path: Path, seed: int = 0, size: tuple[int, int] = (24, 16)
            ) -> Path:
    """Write a noisy little picture; equal seeds give equal bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(
        0, 255, (*size[::-1], 3), np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def wikipedia(root: Path, n_train: int = 20, n_test: int = 6,
              classes: Optional[tuple[str, ...]] = None) -> Path:
    """The Wikipedia archive: two lists, images/<class>/, texts/*.xml."""
    from chtn_plugin.datasets.wikipedia_files import CLASSES
    names = classes or CLASSES
    number = 0
    for split, count in (('train', n_train), ('test', n_test)):
        rows = []
        for index in range(count):
            number += 1
            label = index % len(names)
            text_id, image_id = f'{number:032x}-{index}.1', f'{number:032x}'
            picture(root / 'images' / names[label] / f'{image_id}.jpg',
                    number)
            article = root / 'texts' / f'{text_id}.xml'
            article.parent.mkdir(exist_ok=True)
            article.write_text(
                f'<document id="{text_id}" name="A" cat="1">\n<text>\n'
                f'Article {number} &amp; more\n</text>\n<imageset>\n'
                f'<image id="{image_id}">../img/x.jpg</image>\n'
                '</imageset>\n</document>\n', encoding='utf-8')
            rows.append(f'{text_id}\t{image_id}\t{label + 1}\n')
        (root / f'{split}set_txt_img_cat.list').write_text(''.join(rows))
    return root
