"""Find an index's sources again, wherever it and they were moved."""
from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class IndexSources:
    """The sources of an index, each with a number.

    An entry keeps the way to the source from the index (``path``), and where
    the index was when it was added (``home``). So a source is found when both
    were moved together, and when the index alone was.

    Args:
        folder: The index.
        entries: The list in ``index.json``; :meth:`register` changes it.
    """

    def __init__(self, folder: Path, entries: list[dict[str, Any]]) -> None:
        self.folder = folder
        self.entries = entries

    def register(self, source: str | Path) -> int:
        """Note where a source is now, and return its number."""
        number = self.number(source)
        self.entries[number:number + 1] = [dict(
            path=os.path.relpath(source, self.folder),
            home=os.path.abspath(self.folder))]
        return number

    def number(self, source: str | Path) -> int:
        """Return the number of a source that is known; of a new one the next.

        What lies there as seen from here comes first.
        """
        known = [[os.path.realpath(path) for path in self.places(number)]
                 for number in range(len(self.entries))]
        wanted = os.path.realpath(source)
        for place in (0, 1):
            for number, places in enumerate(known):
                if places[place] == wanted:
                    return number
        return len(self.entries)

    def places(self, number: int) -> tuple[str, str]:
        """Where a source may be: seen from here, and from where it was added.

        Args:
            number: The source's.
        """
        entry = self.entries[number]
        here, built = (os.path.normpath(os.path.join(base, entry['path']))
                       for base in (self.folder, entry['home']))
        return here, built

    def current(self, number: int) -> str:
        """Return where a source is; if nowhere, where it would be from here.

        Args:
            number: The source's.
        """
        return _existing(self.places(number))

    def relative(self, path: str, number: int) -> str:
        """Return a picture's path as an index stores it, from its source on.

        Args:
            path: The picture.
            number: The source's.
        """
        return os.path.relpath(path, self.places(number)[0])

    def picture(self, path: str, number: int) -> str:
        """Find a picture, whose path is stored as seen from its source.

        Args:
            path: As stored.
            number: The source's.
        """
        return _existing([os.path.normpath(os.path.join(place, path))
                          for place in self.places(number)])


def _existing(places: Sequence[str]) -> str:
    """Return the first place where something is; if nowhere, the first."""
    return next((place for place in places if os.path.exists(place)),
                places[0])
