"""The record of measured speed: its file, its table, what got slower."""
from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from chtn_plugin.storage.files import atomic_write

from figures import Figure

FORMAT = 'chtn_plugin.speed/1'
BEGIN, END = '<!-- run_all.py: begin -->', '<!-- run_all.py: end -->'


@dataclass(frozen=True)
class Measured:
    """What one benchmark measured.

    Attributes:
        command: File and options.
        figures: What came of it.
        commit: Of this repository; with ``+`` where files were changed.
        date: Day, as ``2026-01-31``.
        machine: Processor and packages, in words.
    """
    command: str
    figures: Sequence[Figure]
    commit: str
    date: str
    machine: str


def commit(root: Path) -> str:
    """The commit of a checkout; ``+``: with changed files."""
    def git(*words: str) -> str:
        return subprocess.run(['git', *words], cwd=root, text=True,
                              capture_output=True).stdout.strip()
    changed = git('status', '--porcelain', '--untracked-files=no', '--',
                  'chtn_plugin', 'benchmarks/*.py', 'configs')
    return (git('rev-parse', '--short', 'HEAD') or 'unknown') + (
        '+' if changed else '')


def now(path: Path) -> tuple[str, str]:
    """Day on which a file was written, and the machine."""
    day = time.strftime('%Y-%m-%d', time.gmtime(path.stat().st_mtime))
    return day, machine()


def machine() -> str:
    """Processor, cores and packages that matter, in words."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path('/proc/cpuinfo').read_text().splitlines()
    except OSError:
        lines = []
    for line in lines:
        if line.startswith('model name'):
            model = line.split(':', 1)[1].strip()
            break
    parts = [f'{model}, {os.cpu_count()} cores, one thread used',
             f'Python {platform.python_version()}']
    for name in ('torch', 'numpy', 'numba'):
        try:
            parts.append(f'{name} {version(name)}')
        except PackageNotFoundError:
            continue
    return ', '.join(parts)


def read_record(path: Path) -> dict[str, Measured]:
    """Read a record; none yet: empty.

    Raises:
        ValueError: The file holds something else.
    """
    if not path.is_file():
        return {}
    stored = json.loads(path.read_text(encoding='utf-8'))
    if not isinstance(stored, dict) or stored.get('format') != FORMAT:
        raise ValueError(f'a record must be of format {FORMAT}: {path} is '
                         'not')
    return {name: Measured(**{**entry, 'figures': [
        Figure(**figure) for figure in entry['figures']]})
        for name, entry in stored['benchmarks'].items()}


def write_record(path: Path, record: Mapping[str, Measured]) -> None:
    """Write a record whole."""
    with atomic_write(path, 'w', 'utf-8') as file:
        json.dump(dict(format=FORMAT, benchmarks={
            name: _plain(measured) for name, measured in record.items()}),
            file, ensure_ascii=False, indent=1)
        file.write('\n')


def _plain(measured: Measured) -> dict[str, Any]:
    """Without what a figure does not say, to four digits."""
    empty = asdict(Figure('', 0))
    figures = []
    for figure in measured.figures:
        facts = {key: value for key, value in asdict(figure).items()
                 if key in ('name', 'value') or value != empty[key]}
        figures.append(dict(facts, value=float(f'{figure.value:.4g}')))
    return dict(asdict(measured), figures=figures)


def slower(before: Sequence[Figure], after: Sequence[Figure],
           slack: float) -> list[str]:
    """Lines on what is worse than before by more than a share of it.

    Multiples and memory are compared; seconds depend on the machine. Memory
    may rise by 8 MiB besides, what an allocator does on its own.
    """
    old = {figure.name: figure for figure in before}
    lines = []
    for figure in after:
        was = old.get(figure.name)
        if was is None or figure.unit not in ('', 'MiB'):
            continue
        bound = (was.value / (1 + slack) if figure.more
                 else was.value * (1 + slack))
        bound += 8 if figure.unit == 'MiB' else 0
        if not figure.meets(bound):
            over = f' of {figure.over}' if figure.over else ''
            lines.append(f'{figure.name}: {was.value:.3g} before, '
                         f'{figure.value:.3g} now{over}')
    return lines


def write_table(path: Path, record: Mapping[str, Measured]) -> None:
    """Replace what stands between the marks of a page by the tables.

    Raises:
        ValueError: The page has no such marks.
    """
    page = path.read_text(encoding='utf-8')
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f'tables stand between {BEGIN} and {END}: {path} '
                         'has no such lines')
    with atomic_write(path, 'w', 'utf-8') as file:
        file.write(f'{before}{BEGIN}\n\n{tables(record)}\n{END}{after}')


def tables(record: Mapping[str, Measured]) -> str:
    """One table a benchmark, in Markdown."""
    parts = []
    machines = list(dict.fromkeys(each.machine for each in record.values()))
    for name, each in record.items():
        where = ('' if len(machines) == 1 else
                 f', machine {machines.index(each.machine) + 1}')
        parts.append(
            f'**{name.replace("_", " ").capitalize()}**: `python '
            f'{each.command}`, commit {each.commit}, {each.date}{where}\n\n'
            '| what | measured | over | limit | aim |\n|---|---|---|---|---|\n'
            + ''.join(f'{_row(figure)}\n' for figure in each.figures))
    listed = [f'{f"Machine {number}: " if len(machines) > 1 else ""}{name}.\n'
              for number, name in enumerate(machines, 1)]
    return '\n'.join([*listed, *parts])


def _row(figure: Figure) -> str:
    def shown(value: float | None) -> str:
        return '' if value is None else f'{value:.3g}{unit}'
    unit = f' {figure.unit}' if figure.unit else ''
    sign = '≥ ' if figure.more else ''
    bounds = [sign + shown(bound) if bound is not None else ''
              for bound in (figure.limit, figure.aim)]
    missed = '' if figure.meets(figure.limit) else ' (not met)'
    return (f'| {figure.name} | {shown(figure.value)} | {figure.over} | '
            f'{bounds[0]}{missed} | {bounds[1]} |')
