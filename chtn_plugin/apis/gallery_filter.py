"""Conditions that limit which items of a gallery a query may find."""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import numpy as np

from ..checks import check_choice

FIELDS = ('label', 'path', 'id', 'text')


@dataclass(frozen=True)
class Filter:
    """One condition on the items of a gallery.

    Attributes:
        field: ``'label'``: one of the item's classes. ``'path'``: its file,
            or a folder that holds it, by the names at the end of the path.
            ``'id'`` or ``'text'``: a part of it, in any case. Anything else:
            a column of the gallery's manifest, the whole cell in any case.
        value: What it must be.
        without: Whether items that meet it are left out instead.

    Raises:
        ValueError: There is no field, or no value.
    """
    field: str
    value: str
    without: bool = False

    def __post_init__(self) -> None:
        if not self.field:
            raise ValueError('a filter needs a field, FIELD=VALUE, got '
                             f'={self.value}')
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
            return self.value in classes_of(item)
        if self.field == 'path':
            return _below(item.get('path') or '', self.value)
        if self.field in FIELDS:
            return self.value.casefold() in str(item[self.field]).casefold()
        cells = item.get('columns') or {}
        return str(cells.get(self.field, '')).casefold() == (
            self.value.casefold())


def passing(filters: Sequence[Filter], items: Iterable[Mapping[str, Any]]
            ) -> np.ndarray:
    """Say which items pass every filter, (G,) bool.

    Args:
        filters: The filters.
        items: Items with the fields of :func:`needed_fields`.

    Raises:
        ValueError: A field is not one of an item, nor a column of any.
    """
    kept: list[bool] = []
    columns: set[str] = set()
    for item in items:
        kept.append(all_keep(filters, item))
        columns.update(item.get('columns') or ())
    for each in filters:
        check_choice('field of a filter', each.field,
                     (*FIELDS, *sorted(columns)))
    return np.array(kept, dtype=bool)


def needed_fields(filters: Sequence[Filter]) -> set[str]:
    """Return the fields of an item that filters look at."""
    fields = {each.field if each.field in FIELDS else 'columns'
              for each in filters}
    return fields | {'classes'} if 'label' in fields else fields


def classes_of(item: Mapping[str, Any]) -> Sequence[str]:
    """Names of an item's classes; of a gallery of earlier versions by commas.

    Args:
        item: With ``label`` and, where it is known, ``classes``.
    """
    names = item.get('classes')
    if names is not None:
        return names
    return str(item['label']).split(', ') if item['label'] else ()


def all_keep(filters: Sequence[Filter], item: Mapping[str, Any]) -> bool:
    """Whether an item passes every filter."""
    return all(each.keeps(item) for each in filters)


def _below(path: str, folder: str) -> bool:
    """Whether the names of ``wanted`` stand in the path, one by one."""
    names, sought = PurePath(path).parts, PurePath(folder).parts
    return any(names[start:start + len(sought)] == sought
               for start in range(len(names) - len(sought) + 1))
