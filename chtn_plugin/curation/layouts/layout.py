"""The contract of a layout, and helpers that several layouts share."""
from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Optional

from ...storage.folders import visible_folders, walk_files
from ...storage.pictures import SUFFIXES as IMAGE_SUFFIXES
from ...text.articles import clean_text
from ..own_tables import SPLITS, Row

#: Folder beside the user's files into which pictures in archives go.
UNPACKED = 'unpacked'
_SPLIT_WORDS = {**SPLITS, 'restval': 'train'}


@dataclasses.dataclass(frozen=True)
class Reading:
    """How to read a folder.

    Attributes:
        table: Table within the folder; None: the one that is there.
        columns: Column of ``image``, ``text``, ``label``, ``split``.
        label_separator: Separates several labels; empty: one label a row.
        encoding: Encoding of tables and texts; None: UTF-8, or UTF-16 with
            its mark.
        line_texts: Whether each line of a ``.txt`` is a text of its own.
        needs_label: Whether a table must have a column of labels.
        in_place: Whether pictures stay in the shards that they lie in, or
            are written as files.
    """
    table: Optional[str] = None
    columns: Mapping[str, str] = dataclasses.field(default_factory=dict)
    label_separator: str = ';'
    encoding: Optional[str] = None
    line_texts: bool = False
    needs_label: bool = True
    in_place: bool = False


@dataclasses.dataclass(frozen=True)
class Layout:
    """One layout of a folder.

    Attributes:
        name: As the user names it.
        about: What such a folder holds, in a line.
        recognises: Returns what in a folder tells this layout; None if it is
            another's.
        rows: Reads a folder. Image paths are relative to it, or found below
            ``images``.
        has_columns: Whether a user may name columns, or keys, of it.
        fallback: Whether it takes a folder only if no other layout does.
    """
    name: str
    about: str
    recognises: Callable[[Path], Optional[str]]
    rows: Callable[[Path, Reading], list[Row]]
    has_columns: bool = True
    fallback: bool = False


class PictureFinder:
    """Finds the pictures that an annotation file names by file name alone.

    Args:
        folder: Folder that holds them, at any depth.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._by_name: Optional[dict[str, list[str]]] = None

    def path(self, name: str, below: Iterable[str] = ()) -> str:
        """Return where a picture lies, relative to the folder.

        Args:
            name: Its name as written, with or without folders.
            below: Folders to look into first.

        Returns:
            The path; the name itself where there is no such picture, for the
            caller to report.

        Raises:
            ValueError: Several folders hold a picture of this name.
        """
        name = name.replace('\\', '/')
        for base in ('', *below):
            if (self.folder / base / name).is_file():
                return f'{base}/{name}' if base else name
        if self._by_name is None:
            self._by_name = {}
            for path in walk_files(self.folder):
                if path.suffix.lower() in IMAGE_SUFFIXES:
                    self._by_name.setdefault(path.name, []).append(
                        path.relative_to(self.folder).as_posix())
        paths = self._by_name.get(name.rsplit('/', 1)[-1], [])
        if len(paths) > 1:
            raise ValueError(
                f'a picture must be the only one of its name: {name!r} is '
                f'{paths[0]} and {paths[1]} in {self.folder}')
        return paths[0] if paths else name


def has_pictures(folder: Path) -> bool:
    """Whether a folder or one inside it holds a picture, by its ending."""
    return any(path.suffix.lower() in IMAGE_SUFFIXES
               for path in walk_files(folder))


def cleaned(texts: Iterable[str]) -> tuple[str, ...]:
    """Texts as a manifest can hold them; empty ones are left out."""
    return tuple(clean for text in texts if (clean := clean_text(text)))


def split_in_name(name: str) -> str:
    """Return the split that a file's or folder's name speaks of, or ''.

    >>> split_in_name('train2017'), split_in_name('cc3m-val-0003')
    ('train', 'val')
    """
    words = re.findall(r'[a-z]+', name.lower())
    splits = {_SPLIT_WORDS[word] for word in words if word in _SPLIT_WORDS}
    return splits.pop() if len(splits) == 1 else ''


def split_folders(folder: Path) -> dict[str, Path]:
    """The folders of the splits, by split, if all folders are such."""
    folders = visible_folders(folder)
    splits = {SPLITS[path.name.lower()]: path for path in folders
              if path.name.lower() in SPLITS}
    return splits if len(splits) == len(folders) else {}


def without_single_split(rows: Sequence[Row]) -> list[Row]:
    """Take one split alone for none: it says only which part was fetched."""
    if len({row.split for row in rows}) > 1:
        return list(rows)
    return [dataclasses.replace(row, split='') for row in rows]


@contextmanager
def expected_shape(path: Path, what: str) -> Iterator[None]:
    """Name a file whose content is built in another way than its layout.

    Args:
        path: The file.
        what: What it should be.

    Raises:
        ValueError: The content lacks a key, or has another type at a place.
    """
    try:
        yield
    except KeyError as error:
        raise ValueError(f'{what} must have the key {error.args[0]!r} in '
                         f'each entry: {path} lacks it') from error
    except (TypeError, AttributeError) as error:
        raise ValueError(f'{what} must be built like one: {path} is not '
                         f'({error})') from error


def string(value: Any, what: str, path: Path) -> str:
    """Return a value that must be text.

    Raises:
        ValueError: It is not.
    """
    if not isinstance(value, str):
        raise ValueError(f'{what} must be text, got {value!r} in {path}')
    return value
