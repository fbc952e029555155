"""Keep old import paths working, with a warning that names the new one."""
from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Mapping
from typing import Any


def moved_names(module: str, homes: Mapping[str, str]
                ) -> Callable[[str], Any]:
    """Make a module's ``__getattr__`` for names that live elsewhere now.

    Args:
        module: The old module, for the messages.
        homes: The new module of each name.

    Returns:
        A function that finds the name in its new module, with a
        :class:`DeprecationWarning`.
    """
    def __getattr__(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f'module {module!r} has no attribute '
                                 f'{name!r}')
        warnings.warn(f'{module}.{name} has moved: import it from '
                      f'{homes[name]}', DeprecationWarning, stacklevel=2)
        return getattr(importlib.import_module(homes[name]), name)
    return __getattr__
