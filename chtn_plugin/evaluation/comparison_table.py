"""Write a comparison of methods as Markdown, and recognise one on disk."""
from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .comparison import LEVEL, SCHEMA
from .results import shown_value

_TESTS = 'Paired randomisation tests over queries'


def holds_comparison(path: str | Path) -> bool:
    """Tell whether a file is a comparison, as Markdown or JSON.

    Args:
        path: Any file, or none.
    """
    try:
        text = Path(path).read_text(encoding='utf-8')
        if text.startswith('### '):
            return f'\n{_TESTS}, ' in text
        value = json.loads(text)
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(value, dict) and value.get('schema') == SCHEMA


def format_comparison(comparison: Mapping[str, Any]) -> str:
    """Write a comparison as Markdown."""
    lines: list[str] = []
    where = dict.fromkeys((f['protocol'], f['direction'])
                          for f in comparison['figures'])
    for protocol, direction in where:
        lines += [f'### {protocol}, {direction}', '',
                  '| method | seeds | mean ± std | 95 % over queries |',
                  '|---|---|---|---|']
        for f in comparison['figures']:
            if (f['protocol'], f['direction']) == (protocol, direction):
                spread = ('' if f['std'] is None else
                          f' ± {shown_value(f, f["std"])}')
                low, high = (shown_value(f, end) for end in f['interval'])
                used = '' if f['used'] == [protocol] else (
                    f' ({", ".join(f["used"])})')
                lines.append(
                    f'| {f["method"]}{used} | {f["seeds"]} | '
                    f'{shown_value(f, f["mean"])}{spread} | {low} to '
                    f'{high} |')
        sentences = [
            f'- {p["words"]}.' for p in comparison['pairs']
            if (p['protocol'], p['direction']) == (protocol, direction)]
        lines += ['', *sentences, ''] if sentences else ['']
    lines.append(f'{_TESTS}, {LEVEL:.0%} '
                 f'level, Holm\'s correction over all {comparison["tests"]} '
                 'of them; intervals are 95 % bootstraps over queries.')
    return '\n'.join(lines)
