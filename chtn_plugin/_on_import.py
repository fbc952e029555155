"""Act when another package is imported for the first time, and not before.

Importing this package must cost nothing, yet three packages have to be met
with something prepared (see ``chtn_plugin/__init__.py``). Importing them
only to prepare them would cost seconds in commands that never need them.
"""
from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

Context = Callable[[], AbstractContextManager[Any]]


class _Finder(MetaPathFinder):
    """Finds as the others do; the module then runs inside a context."""

    def __init__(self) -> None:
        self.contexts: dict[str, Context] = {}

    def find_spec(self, fullname: str, path: Any = None,
                  target: Any = None) -> ModuleSpec | None:
        """What the other finders find, its loader inside the context."""
        if fullname not in self.contexts:
            return None
        for finder in sys.meta_path:
            find = getattr(finder, 'find_spec', None)
            if finder is self or find is None:
                continue
            spec = find(fullname, path, target)
            if spec is not None:
                self._wrap(spec)
                return spec
        return None

    def _wrap(self, spec: ModuleSpec) -> None:
        loader: Any = spec.loader
        if loader is None:
            return  # a namespace package: nothing runs
        run = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            context = self.contexts.pop(spec.name, None)
            if context is None:
                run(module)
                return
            with context():
                run(module)
        # Of this loader alone, which every import makes anew. Whatever else
        # is asked of it (its source, its resources) is answered as ever.
        loader.exec_module = exec_module


_finder = _Finder()


def around_import(name: str, context: Context) -> bool:
    """Run a module inside a context when it is imported.

    Args:
        name: The module's full name.
        context: Makes the context manager, once.

    Returns:
        Whether there is still time for it: False where the module has been
        imported.
    """
    if name in sys.modules:
        return False
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
    _finder.contexts[name] = context
    return True
