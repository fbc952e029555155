"""Make package namespaces import their names when they are asked for."""
from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Optional

from ._moved import moved_names


def lazy_names(package: str, modules: Mapping[str, Sequence[str]],
               moved: Optional[Mapping[str, str]] = None
               ) -> tuple[Callable[[str], Any], Callable[[], list[str]],
                          list[str]]:
    """Make a package's ``__getattr__``, ``__dir__`` and ``__all__``.

    Submodules are found too, without an import of their own, as they were
    where the package imported all of them.

    Args:
        package: The package's full name.
        modules: For each module below the package, the names that the
            package has from it; none: the module itself is one.
        moved: Names that live elsewhere now, as
            :func:`chtn_plugin._moved.moved_names` takes them.

    Returns:
        The three, to be assigned in the package. What type checkers read
        stands beside them, under ``if TYPE_CHECKING``.
    """
    homes = {name: f'{package}.{module}'
             for module, names in modules.items() for name in names}
    missing = moved_names(package, moved or {})

    def __getattr__(name: str) -> Any:
        if name in homes:
            value = getattr(import_module(homes[name]), name)
            # Stored in the module, so that it is not looked up again.
            setattr(sys.modules[package], name, value)
            return value
        if (not name.startswith('_') and name not in (moved or {})
                and find_spec(f'{package}.{name}') is not None):
            return import_module(f'{package}.{name}')
        return missing(name)

    def __dir__() -> list[str]:
        return sorted({*vars(sys.modules[package]), *homes, *modules})
    public = sorted({*homes, *(module for module, names in modules.items()
                               if not names)})
    return __getattr__, __dir__, public
