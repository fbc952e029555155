"""Write plain values as JSON that reads back as the same values.

JSON knows no tuples, sets or infinities, and a configuration has them:
mmcv's ``Resize`` refuses a list where it takes a tuple.
"""
from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

# An object of this one key stands for a value that JSON lacks.
_TAGS = {'(tuple)': tuple, '(set)': set, '(float)': float}


def to_json(value: Any) -> str:
    """Write a value, indented.

    Args:
        value: Of dictionaries with text for keys, lists, tuples, sets, text,
            numbers, booleans and None.

    Raises:
        TypeError: Something else is inside.
    """
    return json.dumps(_tagged(value), indent=1, ensure_ascii=False,
                      allow_nan=False)


def from_json(text: str) -> Any:
    """Read what :func:`to_json` wrote.

    Raises:
        ValueError: It is something else.
    """
    try:
        return json.loads(text, object_hook=_untagged)
    except (RecursionError, TypeError) as error:
        raise ValueError(f'the JSON cannot be read: {error}') from error


def _tagged(value: Any) -> Any:
    if isinstance(value, Mapping):
        if wrong := [key for key in value if not isinstance(key, str)]:
            raise TypeError(f'keys must be text, got {wrong[0]!r}')
        return {key: _tagged(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return {'(tuple)': [_tagged(item) for item in value]}
    if isinstance(value, set):
        return {'(set)': sorted((_tagged(item) for item in value), key=str)}
    if isinstance(value, list):
        return [_tagged(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {'(float)': str(value)}
    if value is None or isinstance(value, (str, int, float)):
        return value
    raise TypeError('only plain values can be written, got '
                    f'{type(value).__name__}')


def _untagged(found: dict[str, Any]) -> Any:
    if len(found) == 1:
        (key, value), = found.items()
        if key in _TAGS:
            return _TAGS[key](value)
    return found
