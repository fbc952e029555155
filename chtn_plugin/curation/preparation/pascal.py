"""Prepare Pascal Sentences: 1,000 photos, 20 classes, 5 sentences each."""
from __future__ import annotations

import argparse
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from tqdm import tqdm

from ...datasets.manifest import PairRecord
from ...datasets.splits import stratified_split
from ...storage.download import download
from ...text.articles import clean_text
from .base import Preparation, Result, pair_result, place_images
from .verify import Expected, count_problems

SITE = 'https://hockenmaier.cs.illinois.edu/pascal-sentences/'
CLASSES = ('aeroplane', 'bicycle', 'bird', 'boat', 'bottle', 'bus', 'car',
           'cat', 'chair', 'cow', 'diningtable', 'dog', 'horse', 'motorbike',
           'person', 'pottedplant', 'sheep', 'sofa', 'train', 'tvmonitor')
SHARES = {'train': 0.8, 'val': 0.1, 'test': 0.1}
EXPECTED = Expected(
    {'train': 800, 'val': 100, 'test': 100},
    {split: dict.fromkeys(CLASSES, round(50 * share))
     for split, share in SHARES.items()})


def read_pascal(root: str | Path, seed: int = 0,
                allow_missing: bool = False) -> list[PairRecord]:
    """Read the set in either of the layouts in circulation.

    The page as published: ``index.html`` with a table of pictures
    ``<class>/<id>.jpg`` and sentences; or two trees,
    ``dataset/<class>/<id>.jpg`` and ``sentence/<class>/<id>.txt`` with a
    sentence a line.

    Which pictures the 800/100/100 split of the literature holds is
    unpublished; here it is drawn by class and seeded.

    Args:
        root: Folder of the set.
        seed: Seed of the split.
        allow_missing: Leave out pairs without a picture.

    Returns:
        The pairs by class and file name, image paths relative to ``root``.

    Raises:
        FileNotFoundError: Neither layout is there, or a picture is missing.
        ValueError: A picture has no sentence.
    """
    root = Path(root)
    captions = _captions(root)
    records, missing = [], []
    for name in sorted(captions):
        image = next((candidate for candidate in (
            name, f'dataset/{name}', f'images/{name}')
            if (root / candidate).is_file()), None)
        if image is None:
            missing.append(name)
            continue
        if not captions[name]:
            raise ValueError(f'a picture must have a sentence: {name} in '
                             f'{root} has none')
        path = PurePosixPath(name)
        records.append(PairRecord(
            f'{path.parent}/{path.stem}', 'train', (str(path.parent), ),
            image, tuple(captions[name]), str(root / image)))
    if missing and not allow_missing or not records:
        raise FileNotFoundError(
            f'{len(missing)} of {len(captions)} pictures are missing under '
            f'{root}, the first: {", ".join(missing[:3])}. They are on '
            f'{SITE}; --allow-missing goes on without them')
    splits = stratified_split([record.classes for record in records], SHARES,
                              seed)
    return [PairRecord(record.id, split, record.classes, record.image,
                       record.texts, record.where)
            for record, split in zip(records, splits, strict=True)]


def _captions(root: Path) -> dict[str, list[str]]:
    """Return the sentences of each picture, named ``<class>/<file>``."""
    if (root / 'index.html').is_file():
        page = _Page()
        page.feed((root / 'index.html').read_text(encoding='utf-8',
                                                  errors='replace'))
        return {name: sentences for name, sentences in page.found.items()
                if len(PurePosixPath(name).parts) == 2
                and '..' not in name}
    texts = sorted(root.glob('sentence/*/*.txt'))
    if not texts:
        raise FileNotFoundError(
            f'neither index.html nor sentence/<class>/<id>.txt is in {root}')
    captions = {}
    for path in texts:
        lines = path.read_text(encoding='utf-8-sig',
                               errors='replace').splitlines()
        captions[f'{path.parent.name}/{path.stem}.jpg'] = [
            text for line in lines if (text := clean_text(line))]
    return captions


class _Page(HTMLParser):
    """Collects the cells that follow each picture."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, list[str]] = {}
        self._image = ''
        self._cell: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list) -> None:
        if tag == 'img':
            self._image = dict(attrs).get('src') or ''
            self.found[self._image] = []
        self._end_cell()
        if tag == 'td':
            self._cell = []

    def handle_endtag(self, tag: str) -> None:
        if tag in ('td', 'tr', 'table'):
            self._end_cell()

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell.append(data)

    def _end_cell(self) -> None:
        text = clean_text(''.join(self._cell or ()))
        if text and self._image:
            self.found[self._image].append(text)
        self._cell = None


def fetch_pascal(folder: Path, say: Callable[[str], None],
                 site: str = SITE) -> Path:
    """Download the page and its pictures (about 60 MB), one by one.

    A second call goes on with what is missing.

    Returns:
        The folder.
    """
    download(site + 'index.html', folder / 'index.html', say=say)
    names = sorted(_captions(folder))
    say(f'fetching {len(names)} pictures from {site}')
    for name in tqdm(names, 'download', unit='image', disable=None):
        download(site + quote(name), folder / name, say=lambda line: None)
    return folder


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--seed', type=int, default=0,
                        help='seed of the 800/100/100 split, whose original '
                        'members are unpublished (default: %(default)s)')
    parser.add_argument('--allow-missing', action='store_true',
                        help='go on without pairs whose picture is missing')


def _run(root: Path, out: Path, options: argparse.Namespace) -> Result:
    records = read_pascal(_root(root), options.seed, options.allow_missing)
    problems = count_problems(records, EXPECTED)
    if problems and not options.allow_missing:
        raise ValueError(f'{root} is not the whole Pascal Sentences set: '
                         + '; '.join(problems[:5]))
    images = place_images(_root(root), out, [str(record.image)
                                             for record in records])
    return pair_result(out, {'pairs.tsv': records}, images,
                       'split drawn by class with seed '
                       f'{options.seed}: the members of the original split '
                       'are unpublished')


def _root(root: Path) -> Path:
    for path in [root, *sorted(root.glob('*/'))]:
        if (path / 'index.html').is_file() or (path / 'sentence').is_dir():
            return path
    return root


PASCAL = Preparation(
    'pascal', 'Pascal Sentences, 1,000 photos with 5 sentences in 20 '
    'classes: the folder or archive with index.html and <class>/*.jpg, or '
    'with dataset/<class>/*.jpg and sentence/<class>/*.txt',
    _run, 'pascal', fetch=fetch_pascal, site=SITE,
    add_arguments=_add_arguments)
