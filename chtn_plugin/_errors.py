"""Show an error as one line where the user's input is at fault."""
from __future__ import annotations

import errno
import os.path as osp
import re
import shutil
import site
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import TracebackType
from typing import Optional

_PACKAGE = osp.dirname(osp.abspath(__file__)) + osp.sep
#: Where libraries and Python itself lie. Code elsewhere is the user's.
_LIBRARIES = tuple(osp.realpath(folder) + osp.sep for folder in {
    *site.getsitepackages(), site.getusersitepackages(),
    *(sysconfig.get_paths()[name] for name in ('stdlib', 'platstdlib',
                                               'purelib', 'platlib'))})
_NOT_REGISTERED = re.compile(r'(\w+)\.(\w+) is not in the \S+ registry')
_FULL = (errno.ENOSPC, errno.EDQUOT)
# What constructors and registries raise for values that do not fit.
_UNFIT = (ValueError, KeyError, TypeError, AttributeError, AssertionError,
          IndexError, ImportError, ArithmeticError, NotImplementedError,
          RuntimeError, OSError)


@contextmanager
def plain_errors(tool: str) -> Iterator[None]:
    """End the program with the message alone where its user is at fault.

    Args:
        tool: What the line begins with: the tool, or ``error``.
    """
    try:
        yield
    except (ValueError, KeyError, OSError, SyntaxError, ImportError
            ) as error:
        sys.exit(f'{tool}: {message_of(error)}')


@contextmanager
def plain_refusals(tool: str, folder: str = '.') -> Iterator[None]:
    """End with one line for refusals of the plugin while a run is under way.

    Any other error keeps its traceback: it may be one of the user's modules.

    Args:
        tool: What the line begins with.
        folder: Where the run writes, for the space that is free.
    """
    try:
        yield
    except OSError as error:
        if _innermost(error.__traceback__).startswith(_PACKAGE) and (
                ' ' in str(error)):
            sys.exit(f'{tool}: {error}')
        if error.errno in _FULL:
            free = shutil.disk_usage(folder).free / 1e6
            what = error.filename or 'a file of the run'
            sys.exit(f'{tool}: {what} could not be written: '
                     f'{error.strerror} ({free:.1f} MB free in {folder}); '
                     'the last checkpoint is whole')
        raise
    except (ValueError, KeyError, FloatingPointError, TypeError,
            AttributeError, AssertionError) as error:
        message = message_of(error)
        if _while_building(error) and not _is_users(error):
            # MMEngine builds optimizers and evaluators once a run begins.
            sys.exit(f'{tool}: the configuration can not be built: '
                     f'{message}')
        if not isinstance(error, (ValueError, KeyError, FloatingPointError)
                          ) or ' ' not in message or not _innermost(
                error.__traceback__).startswith(_PACKAGE):
            raise
        sys.exit(f'{tool}: {message}')


@contextmanager
def plain_build(tool: str) -> Iterator[None]:
    """End with one line for errors met while building a configuration.

    What a constructor or a registry says there, ours or a library's, is said
    about a value of the configuration. An error in the user's own module
    keeps its traceback.
    """
    try:
        yield
    except _UNFIT as error:
        if _is_users(error):
            raise
        sys.exit(f'{tool}: the configuration can not be built: '
                 f'{message_of(error)}')


@contextmanager
def building(what: str) -> Iterator[None]:
    """Turn errors met while something is built into one of its values.

    Args:
        what: What is built, for the message.

    Raises:
        FileNotFoundError: A file that it needs is not there.
        ValueError: It can not be built for another reason. An error in the
            user's own module comes as it is.
    """
    try:
        yield
    except _UNFIT as error:
        if _is_users(error):
            raise
        # A caller may know where else a missing file could lie.
        kind = (FileNotFoundError if isinstance(error, FileNotFoundError)
                else ValueError)
        raise kind(f'{what} can not be built: {message_of(error)}'
                   ) from error


@contextmanager
def plain_interrupt(tool: str, advice: str) -> Iterator[None]:
    """End with a line, and as shells expect it, where a user presses Ctrl-C.

    Args:
        tool: What the line begins with.
        advice: How to go on.
    """
    try:
        yield
    except KeyboardInterrupt:
        print(f'\n{tool}: interrupted. {advice}', file=sys.stderr)
        sys.exit(130)


def config_error(path: str, error: BaseException) -> ValueError:
    """Describe what is wrong in a configuration file, with its line.

    Args:
        path: The file.
        error: What came while it was read.
    """
    if isinstance(error, RecursionError):
        return ValueError(f'{path}: files of _base_ must not name one '
                          'another in a circle')
    where, place = path, error.__traceback__
    while place is not None:
        code = place.tb_frame.f_code
        # MMEngine's reader, of this file or of one of its _base_.
        if code.co_name in ('_file2dict', '_parse_lazy_import'):
            where = str(place.tb_frame.f_locals.get('filename', path))
        elif code.co_filename in ('', '<string>', where):
            where = f'{where}:{place.tb_lineno}'
        place = place.tb_next
    if isinstance(error, SyntaxError):
        return ValueError('the configuration can not be read: '
                          f'{where.split(":")[0]}:{error.lineno}: '
                          f'{error.msg}')
    kind = '' if isinstance(error, (ValueError, OSError)) else (
        f'{type(error).__name__}: ')
    if isinstance(error, RuntimeError) and not error.args and _innermost(
            error.__traceback__).endswith(osp.join('config', 'lazy.py')):
        return ValueError(
            f'the configuration can not be read: {where}: what a pure Python '
            'configuration imports is only named in it, and cannot be '
            'called; write the value itself')
    return ValueError(f'the configuration can not be read: {where}: {kind}'
                      f'{message_of(error)}')


def is_users_module(error: BaseException, config: str) -> bool:
    """Whether an error lies in a module that a configuration imports."""
    place = _innermost(error.__traceback__)
    return _is_users(error) and osp.realpath(place) != osp.realpath(config)


def message_of(error: BaseException) -> str:
    """Return an error's message on one line, a KeyError's unquoted.

    Where a registry lacks a type because its package can not be imported, the
    reason is said first: MMEngine passes it over.
    """
    message = (error.args[0] if isinstance(error, KeyError) and error.args
               else error)
    lines = [line.strip() for line in str(message).splitlines()]
    line = ' '.join(filter(None, lines)) or type(error).__name__
    missing = _NOT_REGISTERED.match(line)
    if missing:
        package, name = missing.groups()
        try:
            # What MMEngine imports of a package to have its types registered.
            import_module(f'{package}.utils')
        except Exception as why:  # whatever it is, it is the reason
            return (f'{package}.{name} can not be had: importing {package} '
                    f'fails ({type(why).__name__}: {why})')
    return line


def is_library(path: str) -> bool:
    """Whether a source file is a library's, or Python's own."""
    return path.startswith('<frozen') or osp.realpath(path).startswith(
        _LIBRARIES)


def _is_users(error: BaseException) -> bool:
    """Whether an error lies in neither a library nor this package."""
    place = _innermost(error.__traceback__)
    return osp.isfile(place) and not (place.startswith(_PACKAGE)
                                      or is_library(place))


def _while_building(error: BaseException) -> bool:
    """Whether MMEngine was making an object out of a configuration."""
    place = error.__traceback__
    while place is not None:
        code = place.tb_frame.f_code
        if code.co_name.startswith('build') and (
                f'{osp.sep}mmengine{osp.sep}' in code.co_filename):
            return True
        place = place.tb_next
    return False


def _innermost(place: Optional[TracebackType]) -> str:
    while place and place.tb_next:
        place = place.tb_next
    return '' if place is None else place.tb_frame.f_code.co_filename
