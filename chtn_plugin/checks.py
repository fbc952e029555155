"""Check the values of options, with one wording for all rooms."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def check_choice(name: str, value: Any, choices: Iterable[Any],
                 error: type[Exception] = ValueError) -> None:
    """Refuse an option that is none of the known values.

    Args:
        name: Name of the option.
        value: What came.
        choices: The known values, in the order in which to show them.
        error: What to raise.

    Raises:
        ValueError: It is none of them; or what ``error`` says.
    """
    known = list(choices)
    if value not in known:
        raise error(f'{name} must be one of {known}, got {value!r}')
