"""Write a configuration as Python, a leaf over ``_base_``."""
from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Optional

from ..engine.shipped_configs import PREFIX
from ..storage.files import atomic_write
from .own_recipe import size_of_leaf

_MARK = '# Written by tools/make_manifest.py'

_HEAD = '''#
#   python tools/train.py {path}
#   python tools/test.py {path} work_dirs/{stem}
#
{about}
_base_ = [
{bases}
]
'''


def check_place(path: Path) -> None:
    """Refuse a place where a leaf cannot stand.

    Raises:
        ValueError: A file is there that was not written by this tool.
    """
    if path.exists() and not _is_ours(path):
        raise ValueError(f'{path} was not written by this tool, or is yours '
                         'by now: choose another --config')


def write_leaf(path: Path, comment: str, bases: Sequence[str],
               parts: Sequence[str], few: bool = False) -> None:
    """Write a configuration over pieces of ``_base_``.

    Args:
        path: The configuration.
        comment: Lines that say what it is.
        bases: Model and data set, in ``_base_``; the schedule and runtime
            come with them. They are those beside the configuration, or else
            the package's.
        parts: Passages of Python.
        few: Whether it has the schedule of few labels.
    """
    bases = [*bases, f'schedules/own{size_of_leaf(few, False)}.py',
             'default_runtime.py']
    beside = all((path.parent / '_base_' / base).is_file() for base in bases)
    place = '' if beside else PREFIX
    head = _HEAD.format(path=path.as_posix(), stem=path.stem, about=comment,
                        bases='\n'.join(f"    '{place}_base_/{base}',"
                                        for base in bases))
    text = '\n'.join([head, *(f'{part}\n' for part in parts)])
    with atomic_write(path, 'w', encoding='utf-8') as file:
        file.write(f'{_stamp(text)}\n{text}')


def schedule(max_iters: int) -> str:
    """Return the passage that sets a number of iterations."""
    return (f'max_iters = {max_iters}\n'
            'param_scheduler = dict(T_max=max_iters)\n'
            'train_cfg = dict(max_iters=max_iters, '
            'val_interval=max_iters // 2)')


def about(line: str) -> str:
    """Return the comment at the head of a leaf, wrapped.

    Args:
        line: Sentences.
    """
    return '\n'.join(_wrapped(line, '# '))


def literal(value: Any, indent: int = 0, used: int = 12) -> str:
    """Write a plain value as Python, in lines of 79 characters at most.

    Args:
        value: Dictionaries with keys that are names, lists, plain values.
        indent: Columns before each further line.
        used: Columns of the first line that are taken.
    """
    line = flat(value)
    if (len(line) + used + indent <= 78 or not value
            or not isinstance(value, (dict, list, tuple))):
        return line
    inner = indent + 4
    if isinstance(value, dict):
        lines = [f'{" " * inner}{key}='
                 f'{literal(item, inner, len(key) + 2)}'
                 for key, item in value.items()]
        return 'dict(\n' + ',\n'.join(lines) + ')'
    if all(isinstance(item, (str, int, float)) for item in value):
        lines = _wrapped(', '.join(map(flat, value)), ' ' * inner,
                         [flat(item) for item in value])
    else:
        lines = [f'{" " * inner}{literal(item, inner, 2)},'
                 for item in value]
    return '[\n' + '\n'.join(lines) + '\n' + ' ' * indent + ']'


def flat(value: Any) -> str:
    """Write a plain value as Python, in one line."""
    if isinstance(value, dict):
        return 'dict(' + ', '.join(f'{key}={flat(item)}' for key, item
                                   in value.items()) + ')'
    if isinstance(value, list):
        return '[' + ', '.join(map(flat, value)) + ']'
    # MMEngine expands {{...}} in a configuration, in its strings too.
    return repr(value).replace('{{', '{\\x7b')


def _wrapped(text: str, start: str,
             items: Optional[Sequence[str]] = None) -> list[str]:
    """Lines of words, or of items with commas behind them."""
    words = text.split() if items is None else [f'{item},' for item in items]
    lines = [start + words[0]]
    for word in words[1:]:
        if len(lines[-1]) + 1 + len(word) > 79:
            lines.append(start + word)
        else:
            lines[-1] += f' {word}'
    return lines


def _stamp(text: str) -> str:
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return f'{_MARK} [{digest}], and replaced until edited.'


def _is_ours(path: Path) -> bool:
    """Whether a configuration is as this tool wrote it.

    Its first line has the hash of what follows. Earlier versions asked users
    to take that line out of what they edit.
    """
    first, _, text = path.read_text(encoding='utf-8',
                                    errors='replace').partition('\n')
    return first in (_stamp(text), f'{_MARK}; edit it as you like, then take '
                     'out this line.')


def written_path(folder: Path) -> str:
    """Return a path as a run from here finds it."""
    relative = os.path.relpath(folder)
    return (str(folder.resolve()) if relative.startswith('..') else
            Path(relative).as_posix())
