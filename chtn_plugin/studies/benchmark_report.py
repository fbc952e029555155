"""Write a benchmark's tables as Markdown, HTML, LaTeX and JSON."""
from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..reporting.html import esc, page, section
from ..reporting.html import table as html_table
from ..storage.files import atomic_write
from ..storage.ownership import WrittenFiles, own_set
from .benchmark_table import mean_ranks, overview, setting_in_words, three

_HEAD = ('method', 'mean MAP', 'i2t', 't2i', '95 % over queries',
         'pair@1', 'pair@10', 'acc. image', 'acc. text', 'p', 'draws',
         'seconds', 'numbers', 'setting')
_OVERVIEW = ('†: the best of a set, and what is not established to be behind '
             'it.')
_REPORTS = ('benchmark.md', 'benchmark.html', 'benchmark.tex',
            'benchmark.json')


def _cells(row: Mapping[str, Any]) -> list[str]:
    if 'error' in row:
        return [row['method'], 'failed: ' + ' '.join(row['error'].split()),
                *[''] * (len(_HEAD) - 2)]
    mean = three(row['mean'])
    if row['over_draws'] is not None:
        mean += f' ± {three(row["over_draws"])}'
    if row['failed']:
        mean += f' ({row["failed"]} failed)'
    low_high = row['over_queries']
    return [row['method'], mean, three(row['i2t']), three(row['t2i']),
            '' if low_high is None else ' to '.join(map(three, low_high)),
            three(row['pair_hit@1']), three(row['pair_hit@10']),
            three(row['accuracy_image']), three(row['accuracy_text']),
            '' if row['p'] is None else f'{row["p"]:.2g}',
            str(row['draws']),
            '' if row['seconds'] is None else f'{row["seconds"]:.2g}',
            '' if row['numbers'] is None else f'{row["numbers"]:,.0f}',
            setting_in_words(row['method'], row['setting'])]


def _budget(labels: str) -> str:
    """A label budget in words."""
    return f'{labels} of the labels'.replace('/class of the labels',
                                             ' labels a class')


def heading(table: Mapping[str, Any]) -> str:
    """Set and label budget of a table."""
    text = f'{table["set"]}, {_budget(table["labels"])}'
    if table['unseen'] is not None:
        text += (f', tested on unseen classes alone '
                 f'({table["unseen"]:.0%} of all)')
    return text


def _counts(table: Mapping[str, Any]) -> str:
    return (f'{table["labelled"]} rows with a label, {table["unlabelled"]} '
            f'pairs without, {table["test"]} test pairs.')


def legend(how: Mapping[str, Any]) -> list[str]:
    """Explain the columns, and what was held equal, line by line."""
    lines = [
        f'Every method had the same rows and the same preparation '
        f'({how["prepared"]}).',
        f'Closed forms chose among {how["budget"]} stated settings, methods '
        f'that are trained among {how["trained_budget"]}, the similarity '
        'among them, on folds of the labelled rows '
        '(chtn_plugin/studies/spaces.py); with fewer than three labels a '
        'class each took its default. The test split was read once a draw.',
        'MAP is chtn-map-all, each test pair a query in both directions; '
        '± is half of the 95 % interval of the mean over the draws of the '
        'labelled rows (with all labels a closed form has one draw), and '
        '"over queries" a bootstrap over test pairs.',
        'pair@k: share of queries whose own pair is among the first k. p: '
        'against the best, the larger of a randomisation test over queries '
        'and a paired t test over draws, after Holm\'s correction within the '
        'table.',
        'Seconds are of one fit on one processor core. "random" compares '
        'unrelated vectors; "labels" the true classes: what it misses no '
        'classifier can find.']
    return lines


def markdown(all_tables: Sequence[Mapping[str, Any]],
             how: Mapping[str, Any]) -> str:
    """Write all tables, with what they mean."""
    lines = ['\n'.join(f'- {line}' for line in legend(how)), '']
    for labels, (sets, rows) in overview(all_tables).items():
        lines += [f'## Mean MAP, {_budget(labels)}', '', _OVERVIEW, '',
                  *_markdown_table(['method', *sets], rows), '']
    for table in all_tables:
        lines += [f'## {heading(table)}', '', _counts(table), '',
                  *_markdown_table(_HEAD, map(_cells, table['rows'])), '',
                  table['words'], '']
    ranks = mean_ranks(all_tables)
    if ranks:
        lines += ['## Mean rank over the sets', '']
        for labels, of_method in ranks.items():
            lines.append(f'- {labels}: ' + ', '.join(
                f'{name} {rank:.1f}' for name, rank in of_method.items()))
        lines.append('')
    return '\n'.join(lines)


def _markdown_table(head: Sequence[str],
                    rows: Iterable[Sequence[str]]) -> list[str]:
    return ['| ' + ' | '.join(head) + ' |', '|' + '---|' * len(head), *(
        '| ' + ' | '.join(cell.replace('|', '\\|') for cell in row) + ' |'
        for row in rows)]


def latex(all_tables: Sequence[Mapping[str, Any]]) -> str:
    """Write a tabular of MAP for each table; it needs ``booktabs``."""
    lines = []
    for table in all_tables:
        lines += [f'% {heading(table)}', r'\begin{tabular}{lrrrr}',
                  r'\toprule',
                  r'method & i2t & t2i & mean & pair@1 \\', r'\midrule']
        for row in table['rows']:
            name = row['method'].replace('_', r'\_')
            if 'error' in row:
                lines.append(rf'{name} & \multicolumn{{4}}{{l}}{{failed}} \\')
                continue
            spread = ('' if row['over_draws'] is None else
                      rf' $\pm$ {three(row["over_draws"])}')
            lines.append(
                f'{name} & {three(row["i2t"])} & {three(row["t2i"])} & '
                rf'{three(row["mean"])}{spread} & '
                rf'{three(row["pair_hit@1"])} \\')
        lines += [r'\bottomrule', r'\end{tabular}', '']
    return '\n'.join(lines)


def _bars(table: Mapping[str, Any]) -> str:
    """Mean MAP of each method as bars, with the interval over queries."""
    rows = [row for row in table['rows'] if 'mean' in row
            and row['method'] != 'labels']
    if not rows:
        return ''
    height, width, left = 22, 640, 170
    scale = (width - left - 60) / max(
        (row['over_queries'] or [0, row['mean']])[1] for row in rows)
    parts = []
    for place, row in enumerate(rows):
        top = place * height
        end = left + scale * row['mean']
        parts.append(
            f'<text x="{left - 8}" y="{top + 15}" text-anchor="end">'
            f'{esc(row["method"])}</text><rect x="{left}" y="{top + 4}" '
            f'width="{end - left:.1f}" height="14" fill="#93c5fd"/>'
            f'<text x="{width - 8}" y="{top + 15}" text-anchor="end">'
            f'{three(row["mean"])}</text>')
        if row['over_queries']:
            low, high = (left + scale * v for v in row['over_queries'])
            parts.append(f'<path d="M{low:.1f} {top + 11}H{high:.1f}" '
                         'stroke="#1e3a8a" stroke-width="2"/>')
    return (f'<figure><figcaption>mean MAP; the line is the 95 % interval '
            f'over queries</figcaption><svg viewBox="0 0 {width} '
            f'{len(rows) * height}" width="{width}" role="img" '
            'font-size="12" font-family="system-ui,sans-serif" '
            f'fill="#0f172a">{"".join(parts)}</svg></figure>')


def _rank_plot(ranks: Mapping[str, Mapping[str, float]]) -> str:
    """Mean rank of each method as a dot, a colour for each label budget."""
    # "random" and "labels" have none.
    ranks = {labels: of for labels, of in ranks.items() if of}
    if not ranks:
        return ''
    names = list(dict.fromkeys(
        name for of in ranks.values() for name in of))
    last = max(max(of.values()) for of in ranks.values())
    height, width, left, top = 22, 640, 190, 44
    scale = (width - left - 30) / max(last - 1, 1)
    colours = ('#1d4ed8', '#b45309', '#15803d', '#9333ea', '#be123c')
    parts = []
    for tick in range(1, int(np.ceil(last)) + 1):
        x = left + scale * (tick - 1)
        parts.append(f'<path d="M{x:.1f} {top - 4}V'
                     f'{top + len(names) * height}" stroke="#e2e8f0"/>'
                     f'<text x="{x:.1f}" y="{top - 8}" '
                     f'text-anchor="middle">{tick}</text>')
    for place, name in enumerate(names):
        parts.append(f'<text x="{left - 14}" y="{top + place * height + 15}" '
                     f'text-anchor="end">{esc(name)}</text>')
    for number, (labels, of) in enumerate(ranks.items()):
        colour = colours[number % len(colours)]
        at = left + 120 * number
        parts.append(f'<circle cx="{at}" cy="12" r="5" fill="{colour}"/>'
                     f'<text x="{at + 10}" y="16">{esc(labels)}</text>')
        for name, rank in of.items():
            y = top + names.index(name) * height + 11
            parts.append(
                f'<circle cx="{left + scale * (rank - 1):.1f}" cy="{y}" '
                f'r="5" fill="{colour}" fill-opacity=".8"><title>'
                f'{esc(name)}, {esc(labels)}: {rank:.1f}</title></circle>')
    return (f'<figure><figcaption>mean rank, 1 is best</figcaption>'
            f'<svg viewBox="0 0 {width} {top + len(names) * height}" '
            f'width="{width}" role="img" font-size="12" '
            'font-family="system-ui,sans-serif" '
            f'fill="#0f172a">{"".join(parts)}</svg></figure>')


def html_page(all_tables: Sequence[Mapping[str, Any]],
              how: Mapping[str, Any]) -> str:
    """Write one self-contained page with all tables and plots."""
    parts = ['<ul>' + ''.join(f'<li>{esc(line)}</li>'
                              for line in legend(how)) + '</ul>']
    parts += [section(f'Mean MAP, {_budget(labels)}', html_table(
        ('method', *sets), rows), lead=_OVERVIEW)
        for labels, (sets, rows) in overview(all_tables).items()]
    for table in all_tables:
        parts.append(section(
            heading(table), f'<p><b>{esc(table["words"])}</b></p>',
            _bars(table), html_table(_HEAD, [_cells(row) for row
                                             in table['rows']]),
            lead=_counts(table)))
    ranks = mean_ranks(all_tables)
    if ranks:
        names = list(dict.fromkeys(
            name for of in ranks.values() for name in of))
        parts.append(section('Mean rank over the sets', _rank_plot(
            ranks), html_table(
            ('method', *ranks), [
                (name, *(f'{of[name]:.1f}' if name in of else ''
                         for of in ranks.values())) for name in names])))
    return page('Methods side by side', how['command'], parts)


def write_reports(folder: str | Path,
                  all_tables: Sequence[Mapping[str, Any]],
                  how: Mapping[str, Any]) -> list[Path]:
    """Write ``benchmark.md``, ``.html``, ``.tex`` and ``.json``.

    Args:
        folder: Where to.
        all_tables: Of :func:`~chtn_plugin.studies.benchmark_table.tables`.
        how: ``command``, ``prepared``, ``budget``, ``trained_budget`` and
            what else is to be kept in the JSON file.

    Raises:
        ValueError: Files of something else would be replaced.
    """
    files = check_reports(folder)
    files.claim(_REPORTS)
    contents = {
        'md': f'# Methods side by side\n\n`{how["command"]}`\n\n'
              + markdown(all_tables, how),
        'html': html_page(all_tables, how),
        'tex': latex(all_tables),
        'json': json.dumps(dict(how, tables=all_tables), indent=1) + '\n'}
    paths = []
    for suffix, text in contents.items():
        paths.append(Path(folder) / f'benchmark.{suffix}')
        with atomic_write(paths[-1], 'w', 'utf-8') as file:
            file.write(text)
    files.close()
    return paths


def check_reports(folder: str | Path) -> WrittenFiles:
    """Refuse a folder with files of something else in the reports' place.

    To be asked before hours of work for them.

    Args:
        folder: Where they are to go.

    Returns:
        What of it an earlier benchmark wrote.

    Raises:
        ValueError: There are such files.
    """
    return own_set(folder, _REPORTS, _REPORTS[-1], ('tables', 'prepared'))
