"""What the benchmarks measure, in one form that a program can read."""
from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

FORMAT = 'chtn_plugin.benchmark/1'


@dataclass(frozen=True)
class Figure:
    """One measured number.

    Attributes:
        name: What was measured.
        value: The number.
        over: What the number is a multiple of, measured in the same run.
            Empty: it is an amount of its own.
        unit: Of an amount: ``'ms'``, ``'s'``, ``'MiB'``, ...; empty for a
            multiple.
        limit: What it must keep to. None: it is shown for comparison.
        aim: What it should reach one day, where that is more than the limit.
        more: Whether a larger number is better.
    """
    name: str
    value: float
    over: str = ''
    unit: str = ''
    limit: float | None = None
    aim: float | None = None
    more: bool = False

    def meets(self, bound: float | None) -> bool:
        """Whether it keeps to a limit or reaches an aim; none is met."""
        if bound is None:
            return True
        return self.value >= bound if self.more else self.value <= bound


def add_json_option(parser: argparse.ArgumentParser) -> None:
    """Let a benchmark write its figures to a file."""
    parser.add_argument('--json', type=Path, metavar='FILE',
                        help='write the figures to this file, too')


def write_figures(path: Path | None, benchmark: str,
                  figures: Iterable[Figure]) -> None:
    """Write what a benchmark measured; None: nowhere."""
    if path is None:
        return
    path.write_text(json.dumps(dict(
        format=FORMAT, benchmark=benchmark,
        figures=[asdict(figure) for figure in figures]),
        ensure_ascii=False, indent=1) + '\n', encoding='utf-8')


def read_figures(path: Path) -> list[Figure]:
    """Read what :func:`write_figures` wrote.

    Raises:
        ValueError: The file holds something else.
    """
    stored = json.loads(path.read_text(encoding='utf-8'))
    if not isinstance(stored, dict) or stored.get('format') != FORMAT:
        raise ValueError(f'figures must be of format {FORMAT}: {path} is '
                         'not')
    return [Figure(**entry) for entry in stored['figures']]
