"""Samples of files that share a name: ``7.jpg``, ``7.txt``, ``7.json``."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Optional

from ...storage.json_files import read_json_object
from ...storage.pictures import SUFFIXES as IMAGE_SUFFIXES
from ...storage.tables import cell_texts, open_text
from ..own_tables import SYNONYMS, Row
from .layout import Reading, cleaned

_IMAGES = tuple(suffix[1:] for suffix in IMAGE_SUFFIXES)
_TEXTS = ('txt', 'text', 'caption')
_LABELS = ('cls', 'label')
_MAX_BYTES = 64 << 20


def key_of(name: str) -> tuple[str, str]:
    """Part a file name at its first point: key and kind, as WebDataset does.

    >>> key_of('0007.seg.png')
    ('0007', 'seg.png')
    """
    key, _, kind = name.partition('.')
    return key, kind.lower()


def is_sample(kinds: Iterable[str]) -> bool:
    """Whether files of these kinds make a picture with words or a class."""
    types = set(kinds)
    return not types.isdisjoint(_IMAGES) and not types.isdisjoint(
        (*_TEXTS, *_LABELS, 'json'))


def read_samples(folder: Path, files: Iterable[Path], split: str,
                 reading: Reading,
                 content: Callable[[Path], Path] = Path) -> list[Row]:
    """Join the files of each sample to a row.

    The text is that of ``.txt``; where there is none, of ``.json``, under any
    of the usual names. So is the label, of ``.cls`` or ``.json``.

    Args:
        folder: The user's folder, which the paths of pictures start at.
        files: The files, in order; those of a sample share folder and key.
        split: Split of all of them.
        reading: How to read.
        content: Gives the file that holds what a file of ``files`` says,
            where that one lies in a shard.

    Returns:
        A row for each sample that has a picture or a text.

    Raises:
        ValueError: A file is broken or in another encoding.
    """
    samples: dict[tuple[Path, str], dict[str, Path]] = {}
    for path in files:
        key, kind = key_of(path.name)
        samples.setdefault((path.parent, key), {})[kind] = path
    rows = (_row(folder, kinds, split, reading, content)
            for kinds in samples.values())
    return [row for row in rows if row is not None]


def _row(folder: Path, kinds: dict[str, Path], split: str,
         reading: Reading, content: Callable[[Path], Path]
         ) -> Optional[Row]:
    image = next((kinds[kind] for kind in _IMAGES if kind in kinds), None)
    texts = [text for kind in _TEXTS if kind in kinds
             for text in _lines(kinds[kind], reading, content)]
    labels = [text for kind in _LABELS if kind in kinds
              for text in _lines(kinds[kind], reading, content)]
    meta: dict[str, Any] = {}
    if 'json' in kinds:
        where = str(kinds['json'])
        with _named(kinds['json'], content) as path:
            meta = read_json_object(path, 'what is told of a picture',
                                    _MAX_BYTES)
        texts = texts or _values(meta, 'text', reading, where)
        labels = labels or _values(meta, 'label', reading, where)
    if image is None and not any(map(str.strip, texts)):
        return None
    classes = [name for label in labels for name in (
        label.split(reading.label_separator) if reading.label_separator
        else [label])]
    return Row(image.relative_to(folder).as_posix() if image else None,
               cleaned(texts), cleaned(classes), split,
               str(image or next(iter(kinds.values()))))


@contextmanager
def _named(path: Path, content: Callable[[Path], Path]) -> Iterator[Path]:
    """Give the file to read; errors name the one that the user has."""
    real = content(path)
    try:
        yield real
    except ValueError as error:
        raise ValueError(str(error).replace(str(real), str(path))) from error


def _lines(path: Path, reading: Reading, content: Callable[[Path], Path]
           ) -> list[str]:
    with _named(path, content) as real, open_text(
            real, 'a text', reading.encoding) as file:
        text = file.read()
    return text.splitlines() if reading.line_texts else [text]


def _values(meta: dict[str, Any], field: str, reading: Reading,
            where: str) -> list[str]:
    if field in reading.columns:
        name = reading.columns[field]
        if name not in meta:
            raise ValueError(f'--{field}-column must name a key of each '
                             f'.json: {where} has no {name!r}')
        return cell_texts(meta[name], where)
    return next((cell_texts(meta[name], where) for name in SYNONYMS[field]
                 if meta.get(name) not in (None, '', [])), [])
