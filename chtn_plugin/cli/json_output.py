"""The option ``--json``, and what it writes: one owner for every tool.

Without a file the JSON goes to the standard output, alone: all else that the
tool prints goes to the standard error meanwhile. With a file, the tool prints
as ever.
"""
from __future__ import annotations

import argparse
import dataclasses
import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Set
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any, Optional

#: What ``--json`` without a file is read as.
STDOUT = '-'


def add_json_argument(parser: argparse.ArgumentParser, what: str,
                      any_name: bool = False) -> None:
    """Add ``--json [FILE]``.

    Args:
        parser: Gets it.
        what: What is written, for the help.
        any_name: Whether the file may end otherwise than in ``.json``.
    """
    parser.add_argument(
        '--json', nargs='?', const=STDOUT, metavar='FILE.json',
        type=str if any_name else _target,
        help=f'write {what} as JSON; without a file, to the standard output, '
        'and all else to the standard error')


def _target(text: str) -> str:
    # Whatever follows is taken for the file: a word that belongs to the tool
    # must not be written over.
    if text != STDOUT and Path(text).suffix != '.json':
        raise argparse.ArgumentTypeError(
            f'a file must end in .json, got {text}; without a file, --json '
            'goes last or before another option')
    return text


@contextmanager
def json_output(target: Optional[str], kind: str,
                ours: Optional[Callable[[str], bool]] = None
                ) -> Iterator[Callable[[Any], None]]:
    """Take what a tool found, and write it once the tool is through.

    Args:
        target: What ``--json`` was given: a file, ``'-'``, or None for
            nothing.
        kind: Of tool: an object that bears no ``schema`` yet gets
            ``chtn_plugin.KIND/1``.
        ours: Whether a file that is there is an earlier one of this kind,
            where its schema does not tell.

    Yields:
        Call it with what is to be written; the last call counts.

    Raises:
        ValueError: The file is there, and is not one of ours.
        OSError: It cannot be written.
    """
    found: list[Any] = []
    if target is None:
        yield found.append
        return
    from chtn_plugin.storage.files import atomic_write
    from chtn_plugin.storage.ownership import check_replaceable
    if target == STDOUT:
        with redirect_stdout(sys.stderr):
            yield found.append
    else:
        check_replaceable(target, ours(target) if ours else
                          _schema(target) == _named(kind))
        yield found.append
    if not found:
        return
    text = json_text(found[-1], kind)
    if target == STDOUT:
        print(text, flush=True)
        return
    with atomic_write(target, 'w', 'utf-8') as file:
        file.write(text + '\n')


def json_text(content: Any, kind: str) -> str:
    """Write a tool's findings as JSON that every reader takes.

    Args:
        content: Of dictionaries, lists, data classes, arrays and numbers.
        kind: As for :func:`json_output`.
    """
    value = plain(content)
    if isinstance(value, dict) and 'schema' not in value:
        value = dict(schema=_named(kind), **value)
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)


def plain(value: Any) -> Any:
    """Return a value in terms that JSON has.

    NaN and infinity, which JSON lacks, become None; tuples and sets lists;
    arrays and tensors nested lists; whatever else, its text.

    Args:
        value: Any.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name)
                 for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Set):
        return sorted(map(plain, value), key=str)
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if hasattr(value, 'tolist'):  # of NumPy and torch; scalars too
        return plain(value.tolist())
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if value is None or isinstance(value, (str, bool, int)):
        return value
    return str(value)


def _named(kind: str) -> str:
    return f'chtn_plugin.{kind}/1'


def _schema(path: str) -> Optional[str]:
    try:
        content = json.loads(Path(path).read_text(encoding='utf-8'))
    except (OSError, ValueError, RecursionError):
        return None
    return content.get('schema') if isinstance(content, dict) else None
