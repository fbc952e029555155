"""Flickr8k and Flickr30k: a list of captions beside a folder of pictures.

``results.csv`` with bars and ``captions.txt`` as Kaggle has them,
``Flickr8k.token.txt`` and ``results_20130124.token`` as the authors.
"""
from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Optional

from ...storage.folders import visible_files
from ...storage.tables import check_size, open_text
from ..own_tables import SPLITS, Row
from .layout import PictureFinder, Reading, cleaned

_BAR_HEADER = re.compile(r'\s*image(_name)?\s*\|\s*comment_number\s*\|')
_COMMA_HEADER = re.compile(r'\s*image\s*,\s*caption\s*$')
_TOKEN = re.compile(r'[^\t]+#\d+\t')
_SUFFIXES = ('.csv', '.txt', '.token')
_SPLIT_LIST = re.compile(r'Flickr_?\d+k[._](train|dev|test)Images\.txt',
                         re.IGNORECASE)


def recognises(folder: Path) -> Optional[str]:
    """Name the list; see :class:`~.layout.Layout`."""
    lists = _lists(folder)
    return f'found {lists[0].name}, a list of captions' if lists else None


def rows(folder: Path, reading: Reading) -> list[Row]:
    """Read the captions: a row a caption, and the splits of Flickr8k.

    Lists of the splits (``Flickr_8k.trainImages.txt`` and its like) are read
    where they are; pictures in none of them are then left out, as there.

    Raises:
        FileNotFoundError: There is no list of captions.
        ValueError: There are several, or a line has no caption.
    """
    lists = _lists(folder)
    if not lists:
        raise FileNotFoundError(
            f'{folder} has no list of captions: results.csv, captions.txt, '
            'Flickr8k.token.txt or results_20130124.token')
    if len(lists) > 1:
        raise ValueError(f'{folder} must hold one list of captions, it holds '
                         f'{", ".join(path.name for path in lists)}')
    check_size(lists[0])
    pictures, splits = PictureFinder(folder), _splits(folder)
    result = []
    for line, name, text in _captions(lists[0], reading.encoding):
        where = f'{lists[0]}:{line}'
        if splits and name not in splits:
            continue
        result.append(Row(pictures.path(name), cleaned([text]), (),
                          splits.get(name, ''), where))
    return result


def _lists(folder: Path) -> list[Path]:
    lists = []
    for path in visible_files(folder):
        if path.suffix.lower() in _SUFFIXES:
            with path.open('rb') as file:
                head = file.readline(4096).decode('utf-8-sig', 'replace')
            if any(pattern.match(head.rstrip('\r\n') if
                                 pattern is _COMMA_HEADER else head)
                   for pattern in _patterns(path)):
                lists.append(path)
    return lists


def _patterns(path: Path) -> tuple[re.Pattern, ...]:
    # A .csv with a comma in its header is any table's.
    return ((_BAR_HEADER, ) if path.suffix.lower() == '.csv' else
            (_BAR_HEADER, _COMMA_HEADER, _TOKEN))


def _captions(path: Path, encoding: Optional[str]
              ) -> Iterator[tuple[int, str, str]]:
    with open_text(path, 'a list of captions', encoding) as file:
        split: Optional[Callable[[str], Optional[tuple[str, str]]]] = None
        for line, raw in enumerate(file, 1):
            raw = raw.rstrip('\r\n')
            if split is None:
                split = _splitter(raw)
                if split is not _at_tab:
                    continue
            if not raw.strip():
                continue
            parts = split(raw)
            if parts is None or not parts[0]:
                raise ValueError('a line must name a picture and hold its '
                                 f'caption: {path}:{line} does not')
            yield line, *parts


def _splitter(header: str
              ) -> Callable[[str], Optional[tuple[str, str]]]:
    if _BAR_HEADER.match(header):
        return _at_bars
    return _at_comma if _COMMA_HEADER.match(header) else _at_tab


def _at_bars(line: str) -> Optional[tuple[str, str]]:
    name, _, rest = line.partition('|')
    number, bar, text = rest.partition('|')
    if not bar:
        # One line of the published file lacks its second bar.
        match = re.match(r'\s*\d+\s+(.+)', rest)
        if match is None:
            return None
        text = match[1]
    return name.strip(), text


def _at_comma(line: str) -> Optional[tuple[str, str]]:
    # A caption with a comma is quoted by some, and not by others.
    name, comma, text = line.partition(',')
    if text.startswith('"'):
        text = next(csv.reader([text]))[0]
    return (name.strip(), text) if comma else None


def _at_tab(line: str) -> Optional[tuple[str, str]]:
    name, tab, text = line.partition('\t')
    return (name.rpartition('#')[0].strip(), text) if tab else None


def _splits(folder: Path) -> dict[str, str]:
    split: dict[str, str] = {}
    for path in visible_files(folder):
        if match := _SPLIT_LIST.fullmatch(path.name):
            with open_text(path, 'a list of pictures') as file:
                split |= {name: SPLITS[match[1].lower()] for line in file
                          if (name := line.strip())}
    return split
