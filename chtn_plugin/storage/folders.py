"""The one lister of folders; it leaves out what programs put there."""
from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

# Names without a leading dot that programs leave in folders.
_LEFT_BEHIND = frozenset({'__MACOSX', '__pycache__', '@eaDir', '$RECYCLE.BIN',
                          'System Volume Information'})


def is_visible(name: str) -> bool:
    """Whether a name is a user's, not a program's.

    Hidden ones are not: ``._x.jpg`` is what a Mac's archive keeps beside
    ``x.jpg``, ``.ipynb_checkpoints`` holds copies, ``.git`` a history.
    """
    return not name.startswith('.') and name not in _LEFT_BEHIND


def visible_files(folder: str | Path) -> list[Path]:
    """List the files directly in a folder, by name."""
    return [path for path in _entries(folder) if path.is_file()]


def visible_folders(folder: str | Path) -> list[Path]:
    """List the folders directly in a folder, by name."""
    return [path for path in _entries(folder) if path.is_dir()]


def walk_files(folder: str | Path) -> Iterator[Path]:
    """Yield the files of a folder and of those inside it, in a fixed order.

    Folder by folder, each before those inside it; links to folders are not
    followed.
    """
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(filter(is_visible, folders))
        yield from (Path(root, name)
                    for name in sorted(filter(is_visible, names)))


def class_files(folder: str | Path, suffixes: Sequence[str]
                ) -> dict[str, list[Path]]:
    """List the files of each class, of each visible folder that holds any.

    Args:
        folder: Folder whose folders are the classes.
        suffixes: Endings of the files that count, in lower case.

    Returns:
        Files by class name, sorted; those of folders inside it too.

    Raises:
        ValueError: The names of two such folders look the same and differ in
            Unicode form alone, so one class would be two.
    """
    inside = {path.name: sorted(
        (file for file in walk_files(path)
         if file.suffix.lower() in suffixes),
        key=lambda file: (str(file.parent), file.name))
        for path in visible_folders(folder)}
    classes = {name: files for name, files in inside.items() if files}
    if several := twins(classes):
        raise ValueError(f'a class must have one folder: {several[0][0]!r} '
                         f'has {len(several[0])} in {folder}, in different '
                         'Unicode forms. Put their files together')
    return classes


def one_form(name: str) -> str:
    """Bring a name to the Unicode form in which equal names are equal.

    A Mac spells ``é`` with two characters (NFD), other systems with one
    (NFC).
    """
    return unicodedata.normalize('NFC', name)


def twins(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Find names that look the same and differ in Unicode form alone."""
    spelt: dict[str, dict[str, None]] = {}
    for name in names:
        spelt.setdefault(one_form(name), {})[name] = None
    return [tuple(several) for several in spelt.values() if len(several) > 1]


def _entries(folder: str | Path) -> list[Path]:
    return sorted(path for path in Path(folder).iterdir()
                  if is_visible(path.name))
