"""Read a configuration file, in either of MMEngine's two forms."""
from __future__ import annotations

import ast
import inspect
import os.path as osp
from collections.abc import Iterator
from typing import Any

from mmengine.config import Config

from .._errors import config_error, is_users_module
from .shipped_configs import config_path
from .type_names import name_types

_FORMS = {True: 'the pure Python form (read_base)',
          False: 'the old form (_base_)'}


def read_config_file(name: str) -> Config:
    """Read a configuration; afterwards both forms look alike.

    Args:
        name: A file, or ``chtn_plugin::NAME`` for one of the package.

    Returns:
        The configuration. Known classes stand in it by their registered
        names, see :func:`~chtn_plugin.engine.type_names.name_types`.

    Raises:
        FileNotFoundError: There is no such configuration.
        ValueError: It cannot be read, or mixes the two forms; the message
            has its file and line.
    """
    path = config_path(str(name))
    _check_bases(path)
    try:
        cfg = Config.fromfile(path)
        name_types(cfg)
    except Exception as error:
        # A configuration is a program, and may fail in any way.
        if is_users_module(error, path):
            raise
        mixed = _mixed_with(path, error)
        if mixed:
            raise ValueError(mixed) from error
        raise config_error(path, error) from error
    _check_old_form(cfg, path)
    return cfg


def _mixed_with(path: str, error: Exception) -> str:
    """Say which file of another form it builds on; empty if none does."""
    place, files = error.__traceback__, [path]
    while place is not None:
        if place.tb_frame.f_code.co_name in ('_file2dict',
                                             '_parse_lazy_import'):
            file = str(place.tb_frame.f_locals.get('filename', path))
            files.append(file)
        place = place.tb_next
    try:
        forms = [Config._is_lazy_import(file) for file in files]
    except Exception:
        return ''  # a file that cannot be parsed; its own message says more
    for file, form in zip(files, forms, strict=True):
        if form != forms[0]:
            return (f'a configuration and all that it builds on must be of '
                    f'one form: {path} is in {_FORMS[forms[0]]}, {file} in '
                    f'{_FORMS[form]}')
    return ''


def _check_old_form(cfg: Config, path: str) -> None:
    """Refuse classes in an old-style file, which cannot be stored."""
    if getattr(cfg, '_imported_names', None):
        return
    held = [key for key in cfg if inspect.isclass(cfg[key])]
    if held:
        raise ValueError(
            f'{path}: a configuration of the old form (_base_) names classes '
            f"as text, as type='CHTN', and got the class {held[0]}; the pure "
            'Python form begins with read_base()')


def part_of(cfg: Config, name: str, where: str) -> Any:
    """Return a part of a configuration that a tool can not do without.

    Args:
        cfg: The configuration.
        name: The part's key.
        where: Its file, for the message.

    Raises:
        ValueError: There is none, or it is no dictionary.
    """
    part = cfg.get(name)
    if not isinstance(part, dict):
        raise ValueError(f'{name} must be a dictionary: {where} has '
                         + ('none' if part is None else repr(part)[:80]))
    return part


def _check_bases(path: str) -> None:
    """Refuse files of ``_base_`` that name one another in a circle.

    MMEngine would read them again and again until Python gives up.
    """
    here = osp.realpath(path)
    pending: list[tuple[str, tuple[str, ...]]] = [(here, (here, ))]
    while pending:
        here, way = pending.pop()
        for base in _bases(here):
            if base in way:
                raise ValueError(
                    f'{path}: files of _base_ must not name one another in a '
                    f'circle: {" -> ".join(map(osp.basename, (*way, base)))}')
            pending.append((base, (*way, base)))


def _bases(path: str) -> Iterator[str]:
    """Files that a Python configuration names as its ``_base_``."""
    try:
        with open(path, encoding='utf-8') as file:
            statements = ast.parse(file.read()).body
    except (OSError, ValueError, SyntaxError):
        return  # no Python, or it can not be read: MMEngine says so
    for statement in statements:
        if isinstance(statement, ast.Assign) and any(
                getattr(target, 'id', None) == '_base_'
                for target in statement.targets):
            try:
                named = ast.literal_eval(statement.value)
            except ValueError:
                return
            for base in [named] if isinstance(named, str) else named if (
                    isinstance(named, (list, tuple))) else ():
                if isinstance(base, str) and '::' not in base:
                    yield osp.realpath(osp.join(osp.dirname(path), base))
