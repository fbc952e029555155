"""Read the files of the Wikipedia set: lists, images and articles."""
from __future__ import annotations

import re
from pathlib import Path
from typing import Optional

from ..text.articles import article_text, clean_text
from .manifest import PairRecord
from .validation_cut import ValidationCut

URL = 'http://www.svcl.ucsd.edu/projects/crossmodal/wikipedia_dataset.zip'
CLASSES = ('art', 'biology', 'geography', 'history', 'literature', 'media',
           'music', 'royalty', 'sport', 'warfare')
LISTS = {'train': 'trainset_txt_img_cat.list',
         'test': 'testset_txt_img_cat.list'}
TEXT_SUFFIXES = ('.xml', '.txt')
_IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.JPG', '.JPEG', '.png')
_STRAY_A = re.compile(r'A(?=[0-9a-f]{32}-)')


def read_wikipedia(root: str | Path,
                   val_fraction: float = 0.1,
                   seed: int = 0,
                   allow_missing: bool = False) -> list[PairRecord]:
    """Read the set in the layout of the original archive.

    ``trainset_txt_img_cat.list`` and ``testset_txt_img_cat.list`` hold text
    id, image id and class number (from 1), ``images/<class>/<id>.jpg`` the
    pictures, ``texts/<id>.xml`` the articles, whose ``<text>`` element is
    the text. ``categories.list`` names the classes; without it they are the
    ten known ones. Other sets in this layout may have ``texts/<id>.txt`` and
    all pictures directly in ``images``.

    The original lists know training and test only. Validation pairs are cut
    from the training list, by class and seeded, never from the test list.

    Args:
        root: Folder that holds the lists.
        val_fraction: Share of the training pairs that become ``'val'``.
        seed: Seed of that cut.
        allow_missing: Leave out pairs whose picture or text is not there,
            instead of raising.

    Returns:
        The pairs in the order of the lists, training list first, with image
        paths relative to ``root``.

    Raises:
        FileNotFoundError: A list, picture or text is missing.
        ValueError: A list's row or an article cannot be read.
    """
    root = Path(root)
    rows = [(split, *row) for split, name in LISTS.items()
            for row in list_rows(root / name)]
    classes = _class_names(root)
    records, missing = [], []
    for split, text_id, image_id, number, where in rows:
        if not 1 <= number <= len(classes):
            raise ValueError(f'a class number must lie in 1 to '
                             f'{len(classes)}, got {number} at {where}')
        label = classes[number - 1]
        image = _first(root, [f'images/{folder}{image_id}{suffix}'
                              for suffix in _IMAGE_SUFFIXES
                              for folder in (f'{label}/', '')])
        text = _first(root, [f'texts/{text_id}{suffix}'
                             for suffix in TEXT_SUFFIXES])
        if image is None:
            missing.append(f'images/{label}/{image_id}.jpg')
        if text is None:
            missing.append(f'texts/{text_id}.xml')
        if image and text:
            article = _article(root / text)
            records.append(PairRecord(text_id, split, (label, ), image,
                                      (article, ), where))
    if missing and not allow_missing:
        raise FileNotFoundError(_missing_message(root, missing, len(rows)))
    if not records:
        raise FileNotFoundError(
            f'no pair of the lists has both picture and text under {root}')
    return ValidationCut(val_fraction, seed).records(records, root)


def list_rows(path: Path) -> list[tuple[str, str, int, str]]:
    """Return (text id, image id, class number, file:line) of each row."""
    if not path.is_file():
        raise FileNotFoundError(
            f'the original lists are needed: {path.name} is not in '
            f'{path.parent}; they stand in the root of {URL}, which '
            'tools/prepare_dataset.py wiki fetches')
    rows = []
    lines = path.read_text(encoding='utf-8-sig').splitlines()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where, fields = f'{path}:{number}', line.split()
        if len(fields) != 3 or not fields[2].isdecimal():
            raise ValueError('a row must hold text id, image id and class '
                             f'number, got {line!r} at {where}')
        # One copy of the lists in circulation begins with a stray letter.
        text_id = _STRAY_A.sub('', fields[0]) if number == 1 else fields[0]
        for name in (text_id, fields[1]):
            if not re.fullmatch(r'[\w-][\w.-]*', name):
                raise ValueError('an id must be a plain file name, got '
                                 f'{name!r} at {where}')
        rows.append((text_id, fields[1], int(fields[2]), where))
    return rows


def _class_names(root: Path) -> tuple[str, ...]:
    path = root / 'categories.list'
    if not path.is_file():
        return CLASSES
    return tuple(path.read_text(encoding='utf-8-sig').split())


def _first(root: Path, candidates: list[str]) -> Optional[str]:
    return next((name for name in candidates if (root / name).is_file()),
                None)


def _article(path: Path) -> str:
    text = (article_text(path) if path.suffix == '.xml' else
            clean_text(path.read_text(encoding='utf-8-sig')))
    if not text:
        raise ValueError(f'an article must have a text: {path} has none')
    return text


def _missing_message(root: Path, missing: list[str], n_rows: int) -> str:
    shown = ', '.join(missing[:3])
    return (f'{len(missing)} files of the {n_rows} listed pairs are missing, '
            f'the first: {shown}. Looked in {root} (and for pictures directly '
            f'in {root / "images"}). The whole archive is {URL}; give it or '
            'its unpacked folder as --source, or pass --allow-missing to go '
            'on with the pairs that are complete')
