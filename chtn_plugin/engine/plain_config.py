"""Read the configuration in a checkpoint as data, without running it."""
from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.registry import (
    DATA_SAMPLERS,
    DATASETS,
    FUNCTIONS,
    MODELS,
    TRANSFORMS,
    WEIGHT_INITIALIZERS,
    Registry,
)

from .type_names import PACKAGES, types_in

# Initialisers are named by a run that began from pretrained weights; nothing
# runs them once a checkpoint holds the weights.
_REGISTRIES = (MODELS, TRANSFORMS, DATASETS, DATA_SAMPLERS, FUNCTIONS,
               WEIGHT_INITIALIZERS)
_MAX_CHARS = 5_000_000


class Source(str):
    """What stands in a configuration and is no plain value, as it stands."""


def plain_config(text: str, strict: bool = True) -> ConfigDict:
    """Read the text of a configuration as MMEngine stores it in checkpoints.

    MMEngine's own reader runs it as a program. This one takes assignments of
    plain values (numbers, strings, lists, ``dict(...)``) and nothing else.

    Args:
        text: ``meta['cfg']`` of a checkpoint.
        strict: Whether it must hold nothing else. If not, other values are
            given as :class:`Source` and other statements left out, to be
            shown to a person.

    Raises:
        ValueError: It holds anything else; the message gives the line.
    """
    if not isinstance(text, str):
        raise ValueError('the configuration in a checkpoint must be text, '
                         f'got {type(text).__name__}')
    if len(text) > _MAX_CHARS:
        raise ValueError('a configuration must have at most '
                         f'{_MAX_CHARS} characters, got {len(text)}')
    try:
        tree = ast.parse(text)
        return ConfigDict({name: value for statement in tree.body
                           for name, value in _assigned(statement, strict)})
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError('the configuration in a checkpoint must be Python '
                         f'text: {error}') from error


def trusted_config(text: str) -> ConfigDict:
    """Run the text of a configuration, and import what it asks for."""
    return Config.fromstring(text, '.py')._cfg_dict


def check_types(part: Any) -> None:
    """Refuse types that no registry holds.

    A registry of MMEngine takes any importable name for a type, so that
    ``dict(type='subprocess.run', ...)`` would be built, that is, run.

    Args:
        part: A part of a configuration, with everything inside it.

    Raises:
        ValueError: A type is not registered.
    """
    for name in types_in(part):
        if not isinstance(name, str) or not _registered(name):
            raise ValueError(
                'a checkpoint that is not trusted may name registered parts '
                f'only: {name!r} is none. If it is your own, import its '
                'module first; if you trust its author, ask for trust')


def _assigned(statement: ast.stmt, strict: bool
              ) -> Iterator[tuple[str, Any]]:
    targets = getattr(statement, 'targets', ())
    if not isinstance(statement, ast.Assign) or not all(
            isinstance(target, ast.Name) for target in targets):
        if strict:
            raise _refused(statement)
        return
    for target in targets:
        yield target.id, _value(statement.value, strict)


def _value(node: ast.expr, strict: bool) -> Any:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        values = [_value(item, strict) for item in node.elts]
        kind = {ast.List: list, ast.Tuple: tuple, ast.Set: set}[type(node)]
        return kind(values)
    if isinstance(node, ast.Dict) and all(node.keys):
        return {_value(key, strict): _value(value, strict) for key, value in
                zip(node.keys, node.values, strict=True) if key}
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = _value(node.operand, strict)
        if isinstance(value, (int, float)):
            return -value
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        name, pairs = node.func.id, node.keywords
        if name == 'dict' and not node.args and all(p.arg for p in pairs):
            return {pair.arg: _value(pair.value, strict) for pair in pairs}
        if (name == 'dict' and len(node.args) == 1 and not pairs
                and isinstance(node.args[0], ast.Dict)):
            # MMEngine's writing where keys are no names: 'trunk.backbone'.
            return _value(node.args[0], strict)
        if name in ('set', 'list', 'tuple') and not node.args and not pairs:
            return {'set': set, 'list': list, 'tuple': tuple}[name]()
        if name == 'float' and len(node.args) == 1:
            value = _value(node.args[0], strict)
            if value in ('inf', '-inf', 'nan'):
                return float(value)
    if not strict:
        return Source(ast.unparse(node))
    raise _refused(node)


def _refused(node: ast.AST) -> ValueError:
    return ValueError('the configuration in a checkpoint must hold plain '
                      f'values: line {getattr(node, "lineno", "?")} holds a '
                      f'{type(node).__name__}. If you trust its author, ask '
                      'for trust')


def _registered(name: str) -> bool:
    scope, _, own = name.rpartition('.')
    if not scope:
        return any(_holds(root, own) for root in _REGISTRIES)
    if scope not in PACKAGES:
        return False
    for module in PACKAGES[scope]:
        import_module(module)
    return any(_holds(root.children.get(scope, root), own)
               for root in _REGISTRIES)


def _holds(registry: Registry, name: str) -> bool:
    return name in registry.module_dict
