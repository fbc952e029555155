"""Name the classes of new-style configurations as registries do.

A configuration in MMEngine's pure Python form holds classes where others
hold names, and a checkpoint stores such a class by the path that it was
imported from. Everything here reads names: they are what an old-style
configuration has, what tools compare, and what a checkpoint that is not
trusted may hold.
"""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, Optional

from mmengine import registry
from mmengine.config import Config
from mmengine.config.lazy import LazyAttr, LazyObject
from mmengine.registry import Registry

#: Packages whose registered parts a configuration may name, each with the
#: modules that register them.
PACKAGES: dict[str, tuple[str, ...]] = {
    'mmpretrain': ('mmpretrain.models', 'mmpretrain.datasets'),
    'mmcv': ('mmcv.transforms', ), 'mmengine': (), 'chtn_plugin': ()}
# Optimizers are torch's classes, in MMEngine's registry.
_NAMED = (*PACKAGES, 'torch')
# Keys whose value is a class, in MMEngine's own parts.
_KEYS = ('type', 'constructor', 'runner_type')


def name_types(cfg: Any) -> None:
    """Put registered names in the place of classes, in a configuration.

    Classes of packages other than MMEngine's family, torch and this one stay
    as they are: no registry would find them again without their import.

    Args:
        cfg: A configuration or a part of one, changed in place.

    Raises:
        ImportError: A class that it imports is not there.
    """
    for part in _dictionaries(cfg._cfg_dict if isinstance(cfg, Config)
                              else cfg):
        for key in _KEYS:
            value = dict.get(part, key)
            if isinstance(value, (LazyObject, LazyAttr)):
                value = value.build()
            if value is None:
                continue
            name = (_name_of_path(value) if isinstance(value, str) else
                    _name_of_class(value))
            if name is not None:
                dict.__setitem__(part, key, name)


def _dictionaries(part: Any) -> Iterator[dict]:
    """All dictionaries inside, found without building what is lazy."""
    if isinstance(part, dict):
        yield part
        for value in list(dict.values(part)):
            yield from _dictionaries(value)
    elif isinstance(part, (list, tuple)):
        for value in part:
            yield from _dictionaries(value)


def _registries() -> Iterator[tuple[str, Registry]]:
    """Every registry of MMEngine and of its children, with its scope."""
    for root in vars(registry).values():
        if isinstance(root, Registry):
            yield '', root
            for scope, child in root.children.items():
                yield f'{scope}.', child


def _package(cls: Any) -> str:
    return str(getattr(cls, '__module__', '')).partition('.')[0]


def _name_of_class(cls: Any) -> Optional[str]:
    own = getattr(cls, '__name__', None)
    if own is None or _package(cls) not in _NAMED:
        return None
    for scope, held in _registries():
        if own in held._module_dict and held._module_dict[own] is cls:
            return scope + own
    return None


def _name_of_path(path: str) -> Optional[str]:
    """The name of a part that is written with the path of its module.

    The path itself is never imported: it may come from anybody.
    """
    scope, _, own = path.rpartition('.')
    package = scope.partition('.')[0]
    if package not in PACKAGES or scope == package and _holds_scope(package):
        return None
    for module in PACKAGES[package]:
        import_module(module)
    for prefix, held in _registries():
        if prefix in ('', f'{package}.') and own in held._module_dict and (
                _package(held._module_dict[own]) == package):
            return prefix + own
    return None


def _holds_scope(package: str) -> bool:
    """Whether ``PACKAGE.NAME`` is the usual name of a part already."""
    return package in ('mmpretrain', 'mmcv')


def types_in(part: Any) -> Iterator[Any]:
    """Every type that a part of a configuration names, at any depth."""
    if isinstance(part, Mapping):
        if 'type' in part:
            yield part['type']
        for value in part.values():
            yield from types_in(value)
    elif isinstance(part, (list, tuple)):
        for value in part:
            yield from types_in(value)
