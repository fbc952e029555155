"""Write label suggestions as a page with pictures, a table, and a CSV."""
from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from ..reporting.html import card, page, section
from ..reporting.html import table as html_table
from ..reporting.result_sheet import Cell
from ..storage.files import atomic_write
from ..storage.tables import read_rows
from .benchmark_report import three
from .transfer_table import gain_text

#: Of the CSV. A person fills in ``label``; the rest is there to help.
COLUMNS = ('ask', 'image', 'label', 'guess', 'share', 'disagreement', 'id',
           'split', 'words')
ASK, CHECK = 'label', 'check'
_MAX_WORDS = 300


@dataclass(frozen=True)
class Suggestion:
    """A pair to label, or a label to look at again.

    Attributes:
        ask: ``'label'`` or ``'check'``.
        id: Name of the pair.
        path: Of its picture; None: it has none to show.
        words: Its text.
        label: Class that it has; empty if none.
        guess: Class that the model would give it.
        share: Probability of that, in [0, 1].
        image_says: Class and probability by the picture alone, in words.
        text_says: By the text alone.
        disagreement: Of both, in [0, 1].
    """
    ask: str
    id: str
    path: Optional[str]
    words: str
    label: str
    guess: str
    share: float
    image_says: str
    text_says: str
    disagreement: float


def write_labels_csv(path: str | Path, suggestions: Sequence[Suggestion],
                     rows: Sequence[Mapping[str, str]]) -> None:
    """Write all pairs, those that are asked for first, to be filled in.

    Args:
        path: Where to.
        suggestions: In order.
        rows: ``id``, ``image`` (as the manifest names it), ``label``,
            ``split`` and ``words`` of every pair of the data.
    """
    by_id = {row['id']: row for row in rows}
    asked = [suggestion.id for suggestion in suggestions]
    with atomic_write(path, 'w', 'utf-8', newline='') as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for made in suggestions:
            row = by_id[made.id]
            writer.writerow((
                made.ask, row['image'], row['label'], made.guess,
                f'{made.share:.3f}', f'{made.disagreement:.3f}', made.id,
                row['split'], _short(row['words'])))
        for row in rows:
            if row['id'] not in asked:
                writer.writerow(('', row['image'], row['label'], '', '', '',
                                 row['id'], row['split'],
                                 _short(row['words'])))


def _short(text: str) -> str:
    return ' '.join(text.split())[:_MAX_WORDS]


def read_labels_csv(path: str | Path, classes: Sequence[str]
                    ) -> dict[str, str]:
    """Read the filled-in file: the label of each id, empty if it has none.

    Args:
        path: The file.
        classes: Names that a label may be.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It lacks ``id`` or ``label``, an id comes twice, or a
            label is none of the classes.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'file of labels not found: {path}')
    found: dict[str, str] = {}
    for where, row in read_rows(path, 'a file of labels', 'utf-8-sig',
                                lambda name: name.strip().lower()):
        missing = {'id', 'label'} - set(row)
        if missing:
            raise ValueError("a file of labels needs the columns 'id' and "
                             f"'label': {where} has {list(row)}")
        name, label = str(row['id']), str(row['label'] or '').strip()
        if name in found:
            raise ValueError(f'an id must come once: {name!r} comes again at '
                             f'{where}')
        if label and label not in classes:
            raise ValueError(f'a label must be one of {list(classes)}: '
                             f'{where} has {label!r}')
        found[name] = label
    return found


def _pair(made: Suggestion, rank: int) -> str:
    says = (f'has {made.label}, ' if made.label else '') + (
        f'guess {made.guess} {made.share:.0%}')
    cells = [Cell(None, made.words or made.id, f'text: {made.text_says}',
                  detail=says)]
    if made.path is not None:
        cells.insert(0, Cell(made.path, made.id,
                             f'picture: {made.image_says}'))
    return ''.join(card(cell, rank) for cell in cells)


def _cards(suggestions: Sequence[Suggestion]) -> str:
    return ''.join(f'<div class="row">{_pair(made, rank)}</div>'
                   for rank, made in enumerate(suggestions, 1))


_HEAD = ('', 'pair', 'has', 'guess', 'share', 'picture says', 'text says',
         'disagreement')


def table_rows(suggestions: Sequence[Suggestion]) -> list[list[str]]:
    """Return the cells of the table, a row a suggestion."""
    return [[str(rank), made.id, made.label, made.guess,
             f'{made.share:.2f}', made.image_says, made.text_says,
             f'{made.disagreement:.2f}']
            for rank, made in enumerate(suggestions, 1)]


def gain_rows(gains: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Return the cells of what asking gains, a row a number of labels."""
    ways = [way for way in gains[0] if way not in ('labels', 'random')]
    return [[str(row['labels']), three(row['random']['mean']),
             *(f'{three(row[way]["mean"])} ('
               f'{gain_text(dict(row[way], mean=row[way]["gain"]))})'
               for way in ways)] for row in gains]


def gain_head(gains: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the head of that table."""
    return ['labels', 'at random', *(
        f'by {way} (gain)' for way in gains[0]
        if way not in ('labels', 'random'))]


def suggestions_page(title: str, subtitle: str,
                     suggestions: Sequence[Suggestion],
                     gains: Sequence[Mapping[str, Any]] = ()) -> str:
    """Write one self-contained page.

    Args:
        title: Heading.
        subtitle: Line below it.
        suggestions: Both kinds, in order.
        gains: Of :func:`~chtn_plugin.studies.asking_gain.asking_gain`; ():
            not measured.
    """
    parts = []
    for ask, heading, lead in (
            (ASK, 'Label these next', 'In this order: each stands for many '
             'pairs near it that have no label yet. Below picture and text: '
             'what each says by itself.'),
            (CHECK, 'Look at these labels again', 'A model that has not seen '
             'them says another class.')):
        some = [made for made in suggestions if made.ask == ask]
        body = ([html_table(_HEAD, table_rows(some)), _cards(some)]
                if some else ['<p>None.</p>'])
        parts.append(section(heading, *body, lead=lead))
    if gains:
        parts.append(section(
            'What asking gains', html_table(gain_head(gains),
                                            gain_rows(gains)),
            lead='Mean MAP of the test split when so many pairs are '
            'labelled as suggested, and when as many are drawn at random; '
            '±: 95 % interval over the draws.'))
    return page(title, subtitle, parts)
