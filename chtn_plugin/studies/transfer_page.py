"""Write the report of a ladder of labels as HTML, Markdown and JSON."""
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..reporting.charts import line_chart
from ..reporting.html import esc, page, section
from ..reporting.html import table as html_table
from ..storage.files import atomic_write
from ..storage.ownership import WrittenFiles, own_set
from .benchmark_report import three
from .transfer_table import gain_text, signed

_REPORTS = ('transfer.html', 'transfer.md', 'transfer.json')

_STEPS = ('labels', 'labelled', 'step', 'mean MAP', 'i2t', 't2i',
          '95 % over queries', 'acc. pictures', 'acc. texts', 'draws')
_GAINS = ('what is added', 'labels', 'net gain', '95 % over queries', 'draws')
_CURVES = (('semantic matching', ('features', )),
           ('pairs', ('pairs', )),
           ('pairs and names', ('pairs, names, source', 'pairs, names')),
           ('network, recipe', ('network, pairs, names', 'network, pairs')))


def _step_rows(table: Mapping[str, Any]) -> list[list[str]]:
    rows = [['any', '0', f'{row["step"]} on all pairs, no label',
             *_figures(row)] for row in table['label_free']]
    for rung in table['rungs']:
        rows += [[rung['rung'], str(rung['labelled']), row['step'],
                  *_figures(row)] for row in rung['steps']]
    return rows


def _figures(row: Mapping[str, Any]) -> list[str]:
    mean = three(row['mean'])
    if row['over_draws'] is not None:
        mean += f' ± {three(row["over_draws"])}'
    return [mean, three(row['i2t']), three(row['t2i']),
            ' to '.join(map(three, row['over_queries'] or ())),
            three(row['accuracy_image']), three(row['accuracy_text']),
            str(row['draws'])]


def _gain_rows(table: Mapping[str, Any]) -> list[list[str]]:
    titles = dict.fromkeys(gain['gain'] for rung in table['rungs']
                           for gain in rung['gains'])
    return [[title, rung['rung'], gain_text(gain),
             ' to '.join(map(signed, gain['over_queries'] or ())),
             str(gain['draws'])]
            for title in titles for rung in table['rungs']
            for gain in rung['gains'] if gain['gain'] == title]


def legend(how: Mapping[str, Any]) -> list[str]:
    """Explain, line by line, what was measured and how."""
    lines = [
        f'{how["train"]} training pairs, {how["test"]} test pairs, '
        f'{how["classes"]} classes; {how["protocol"]}. Labelled rows are '
        f'drawn {how["draws"]} times, of every class alike, the same for all '
        'steps; the other training pairs stay, without their class. The test '
        'split is scored once a fit, and chooses nothing.',
        'Steps are in closed form: a logistic regression a modality '
        '("features": semantic matching), ranked by the probability of one '
        'class; "pairs": unlabelled pairs teach both (co-training; from '
        'three labels a class on with temperatures from held-out labelled '
        f'rows); {how["prepared"]}.',
        '"network" is CHTN itself, trained by the stock Runner, where '
        '--trained-rungs says so, on the vectors as its pathways get them; '
        'its layers and schedule are those of the configuration, or of '
        'configs/few_labels.',
        '"names": texts beside the names of the classes. "source": a '
        'classifier of other classes speaks of pictures through its names '
        '(ConSE); "shuffled source": the same with names that mean nothing. '
        'Their weights are found on the labelled rows, and are 0 where they '
        'do not help beyond chance; without a label they are the largest.',
        'The bar is the better, a draw at a time, of semantic matching and '
        'of the best use of all pairs without any label (CCA, ASIF).',
        '±: half of the 95 % interval over the draws, paired for gains; '
        '"over queries": bootstrap over test queries.']
    return lines + list(how['lacks'])


def markdown(table: Mapping[str, Any], how: Mapping[str, Any]) -> str:
    """Write the report as Markdown."""
    lines = [f'# Few labels: {how["set"]}', '', f'`{how["command"]}`', '',
             *[f'- {line}' for line in table['words']], '',
             '## Net gains', '', *_table(_GAINS, _gain_rows(table)),
             '', '## Figures', '', *_table(_STEPS, _step_rows(table)), '',
             '## How it was measured', '',
             *[f'- {line}' for line in legend(how)], '']
    return '\n'.join(lines)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return ['| ' + ' | '.join(head) + ' |', '|' + '---|' * len(head),
            *('| ' + ' | '.join(cell.replace('|', '\\|') for cell in row)
              + ' |' for row in rows)]


def charts(table: Mapping[str, Any]) -> list[str]:
    """Draw MAP, and the accuracy of each modality, over the labels."""
    rungs = table['rungs']
    drawn: dict[str, dict[str, tuple[list[float], list[float]]]] = {
        'mean MAP': {}, 'accuracy of pictures': {}, 'accuracy of texts': {}}
    for curves, key in zip(drawn.values(), (
            'mean', 'accuracy_image', 'accuracy_text'), strict=True):
        for name, steps in _CURVES:
            xs, ys = [], []
            for rung in rungs:
                rows = {row['step']: row for row in rung['steps']}
                row = next((rows[s] for s in steps if s in rows), None)
                if row is not None and row[key] is not None:
                    xs.append(float(np.log2(1 + rung['labelled'])))
                    ys.append(row[key])
            if xs:
                curves[name] = xs, ys
        if key == 'mean' and table['label_free'] and curves:
            best = max(row['mean'] for row in table['label_free'])
            every = [x for xs, _ in curves.values() for x in xs]
            # Four styles of line; the network's points stand in the table.
            if len(curves) > 3:
                curves.pop('pairs')
            curves['no label'] = [min(every), max(every)], [best, best]
    return [line_chart(curves, 'log2(1 + labelled rows)', title)
            for title, curves in drawn.items() if curves]


def html_page(table: Mapping[str, Any], how: Mapping[str, Any]) -> str:
    """Write one self-contained page with plots and tables."""
    return page(f'Few labels: {how["set"]}', how['command'], [
        section('In words', '<ul>' + ''.join(
            f'<li>{esc(line)}</li>' for line in table['words']) + '</ul>'),
        section('Over the labels', *charts(table)),
        section('Net gains', html_table(_GAINS, _gain_rows(table))),
        section('Figures', html_table(_STEPS, _step_rows(table))),
        section('How it was measured', '<ul>' + ''.join(
            f'<li>{esc(line)}</li>' for line in legend(how)) + '</ul>')])


def write_reports(folder: str | Path, table: Mapping[str, Any],
                  how: Mapping[str, Any]) -> list[Path]:
    """Write ``transfer.html``, ``.md`` and ``.json``.

    Args:
        folder: Where to.
        table: Of :func:`~chtn_plugin.studies.transfer_table.summary`.
        how: ``set``, ``command``, ``train``, ``test``, ``classes``,
            ``protocol``, ``draws``, ``prepared``, ``lacks`` (sentences on
            what the data do not allow).

    Raises:
        ValueError: Files of something else would be replaced.
    """
    files = check_reports(folder)
    files.claim(_REPORTS)
    contents = {'html': html_page(table, how), 'md': markdown(table, how),
                'json': json.dumps(dict(how, **table), indent=1) + '\n'}
    paths = []
    for suffix, text in contents.items():
        paths.append(Path(folder) / f'transfer.{suffix}')
        with atomic_write(paths[-1], 'w', 'utf-8') as file:
            file.write(text)
    files.close()
    return paths


def check_reports(folder: str | Path) -> WrittenFiles:
    """Refuse a folder with files of something else in the reports' place.

    Args:
        folder: Where they are to go.

    Returns:
        What of it an earlier report wrote.

    Raises:
        ValueError: There are such files.
    """
    return own_set(folder, _REPORTS, _REPORTS[-1], ('lacks', 'prepared'))
