"""Conditions that limit which items of a gallery a query may find."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from ..checks import check_choice

FIELDS = ('label', 'path', 'id', 'text')


@dataclass(frozen=True)
class Filter:
    """One condition on the items of a gallery.

    Attributes:
        field: ``'label'``: one of the item's classes. ``'path'``: its file,
            or a folder that holds it, by the names at the end of the path.
            ``'id'`` or ``'text'``: a part of it, in any case.
        value: What it must be.
        without: Whether items that meet it are left out instead.

    Raises:
        ValueError: The field is not one of those above, or there is no
            value.
    """
    field: str
    value: str
    without: bool = False

    def __post_init__(self) -> None:
        check_choice('field of a filter', self.field, FIELDS)
        if not self.value:
            raise ValueError(f'a filter by {self.field} needs a value')

    @classmethod
    def parse(cls, text: str, without: bool = False) -> Filter:
        """Read ``FIELD=VALUE``; a value alone is a label.

        Raises:
            ValueError: As above.
        """
        field, mark, value = text.partition('=')
        if not mark:
            return cls('label', text.strip(), without)
        return cls(field.strip(), value.strip(), without)

    def keeps(self, item: Mapping[str, Any]) -> bool:
        """Whether an item may be found."""
        return self._met(item) != self.without

    def _met(self, item: Mapping[str, Any]) -> bool:
        if self.field == 'label':
            return self.value in (str(item['label']).split(', '))
        if self.field == 'path':
            return _below(item.get('path') or '', self.value)
        return self.value.casefold() in str(item[self.field]).casefold()


def all_keep(filters: Sequence[Filter], item: Mapping[str, Any]) -> bool:
    """Whether an item passes every filter."""
    return all(each.keeps(item) for each in filters)


def _below(path: str, folder: str) -> bool:
    """Whether the names of ``wanted`` stand in the path, one by one."""
    names, sought = PurePath(path).parts, PurePath(folder).parts
    return any(names[start:start + len(sought)] == sought
               for start in range(len(names) - len(sought) + 1))
