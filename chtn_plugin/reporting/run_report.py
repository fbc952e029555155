"""Write a run's report: figures, curves and example queries on one page."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Optional

import numpy as np
from PIL import Image

from chtn_plugin.evaluation.confusion import confusion
from chtn_plugin.evaluation.embeddings import Embeddings
from chtn_plugin.evaluation.exact_search import comparable_rows, nearest
from chtn_plugin.evaluation.protocols import PAIR_PROTOCOLS
from chtn_plugin.evaluation.relevance import has_class
from chtn_plugin.evaluation.results import make_results, shown_value
from chtn_plugin.evaluation.scoring import Score, score_embeddings

from .charts import heat_table, line_chart
from .html import data_uri, esc, page, result_row, section, table
from .result_sheet import Cell, Row
from .scatter import draw_scatter, tsne_points
from .training_log import Curves

_NAMES = {'i2t': 'Image → text', 't2i': 'Text → image', 'mean': 'Mean'}
_PARTS = {'i': 'image', 't': 'text'}
_TOP = 10
_MOST_POINTS = 1200


@dataclass
class RunReport:
    """Makes the page.

    Attributes:
        embeddings: The test split, with ``meta['image_content']`` (paths)
            and ``meta['text_content']`` where there is something to see.
        title: Name of the run.
        facts: What else is known: split, iteration, seed, ….
        config: Text of the configuration.
        training: Training curves by name.
        validation: Validation curves by name.
        protocol: Named protocol of the figures.
        worst: Worst queries shown.
        tsne: Whether to draw the common space; takes some seconds.
        notes: What was found missing on the way.
        scatter: The common space as a picture, once ``html`` has drawn it;
            None without scikit-learn.
    """
    embeddings: Embeddings
    title: str
    facts: dict[str, Any] = field(default_factory=dict)
    config: str = ''
    training: Curves = field(default_factory=dict)
    validation: Curves = field(default_factory=dict)
    protocol: str = 'chtn-map-all'
    worst: int = 20
    tsne: bool = True
    notes: list[str] = field(default_factory=list)
    scatter: Optional[Image.Image] = field(default=None, init=False)

    def html(self) -> str:
        """Write the report as one self-contained HTML document.

        Raises:
            ValueError: The embeddings lack a modality.
        """
        if self.worst < 0:
            raise ValueError('the number of worst queries must be 0 or more, '
                             f'got {self.worst}')
        for part in _PARTS.values():
            if self.embeddings.part(part)[0] is None:
                raise ValueError('a report needs both modalities: there are '
                                 f'no {part} embeddings')
        scores = score_embeddings(self.embeddings,
                                  [self.protocol, 'pr-full', 'precision@10'])
        pairs = [] if not self.embeddings.paired else score_embeddings(
            self.embeddings, PAIR_PROTOCOLS)
        self._scores = {s.direction: s for s in scores[:2]}
        self._found = {d: self._ranked(d) for d in self._scores}
        curves = {_NAMES[s.direction]: (s.curve['recall'],
                                        s.curve['precision'])
                  for s in scores[2:4]}
        parts = [f'<p class="note">{esc(note)}</p>' for note in self.notes]
        parts += [self._figures(scores), self._pairs(pairs), section(
            'Precision and recall',
            line_chart(curves, 'recall', 'precision', bottom=0, top=1),
            lead='Mean over all queries at each rank of the whole ranking.')]
        parts += [self._examples(), self._worst(), self._classes(),
                  self._confusion(), self._space(), self._training(),
                  self._config()]
        facts = ' · '.join(f'{key} {value}'
                           for key, value in self.facts.items())
        return page(self.title, facts, parts)

    def _figures(self, scores: Sequence[Score]) -> str:
        results = make_results(scores[:2], self.embeddings.classes)
        boxes = []
        for figure in results['figures']:
            low, high = figure['interval'] or (float('nan'), ) * 2
            boxes.append(
                f'<div class="figure">{_NAMES[figure["direction"]]}'
                f'<b>{figure["value"]:.4f}</b><span class="pale">95 %: '
                f'{low:.3f} to {high:.3f}<br>chance '
                f'{figure["chance"]:.3f}</span></div>')
        rows = []
        for score, first in zip(scores[:2], scores[4:6], strict=True):
            lost = int((~score.answered).sum())
            rows.append([_NAMES[score.direction], str(len(score.values)),
                         str(score.gallery), str(lost),
                         f'{score.tie_share:.1%}', f'{first.value:.3f}'])
        protocol = scores[0].protocol
        return section(
            'Figures', f'<div class="figures">{"".join(boxes)}</div>',
            table(['direction', 'queries', 'searched', 'without relevant '
                   'item', 'tied', 'precision of the top 10'], rows),
            lead=f'Protocol {protocol.name}: {protocol.summary}. Intervals: '
            'bootstrap over queries.')

    def _pairs(self, scores: Sequence[Score]) -> str:
        if not scores:
            return ''
        rows = []
        for figure in make_results(scores)['figures']:
            low, high = (figure['interval'] or (None, None))
            rows.append([figure['protocol'], _NAMES[figure['direction']],
                         shown_value(figure, figure['value']),
                         f'{shown_value(figure, low)} to '
                         f'{shown_value(figure, high)}',
                         shown_value(figure, figure['chance'])])
        return section(
            'Finding the very item', table(
                ['protocol', 'direction', 'value', '95 %', 'chance'], rows),
            lead='How well an image finds its own texts, and a text its own '
            'image, among all others. Of ranks the smaller is better.')

    def _ranked(self, direction: str) -> tuple[np.ndarray, np.ndarray]:
        source, target = (_PARTS[letter] for letter in direction[::2])
        similarity = self.embeddings.meta.get('similarity', 'cosine')
        queries, gallery = (comparable_rows(self._vectors(part), similarity)
                            for part in (source, target))
        return nearest(queries, gallery, _TOP)

    def _vectors(self, part: str) -> np.ndarray:
        return np.asarray(self.embeddings.part(part)[0])

    def _labels(self, part: str) -> np.ndarray:
        return np.asarray(self.embeddings.part(part)[1])

    def _row(self, direction: str, query: int) -> str:
        source, target = (_PARTS[letter] for letter in direction[::2])
        value = self._scores[direction].values[query]
        note = '' if np.isnan(value) else f' · AP {value:.3f}'
        scores, places = (ranks[query] for ranks in self._found[direction])
        return result_row(Row(
            self._cell(source, query, note),
            [self._cell(target, place, score=float(score),
                        right=self._relevant(source, query, target, place))
             for score, place in zip(scores, places, strict=True)]))

    def _cell(self, part: str, item: int, note: str = '',
              score: Optional[float] = None,
              right: Optional[bool] = None) -> Cell:
        labels, ids = self._labels(part), self.embeddings.part(part)[2]
        content = self.embeddings.meta.get(f'{part}_content') or []
        shown = content[item] if len(content) == len(labels) else ''
        name = str(item if ids is None else ids[item])
        return Cell(shown if part == 'image' and shown else None,
                    shown if part == 'text' and shown else f'#{name}',
                    self._label(labels[item]) + note, score, right)

    def _label(self, label: Any) -> str:
        if not has_class(np.array([label])).all():
            return self._class(-1)
        numbers = ([int(label)] if np.ndim(label) == 0 else
                   np.flatnonzero(label).tolist())
        return ', '.join(self._class(n) for n in numbers)

    def _class(self, number: int) -> str:
        names = self.embeddings.classes
        if number < 0:
            return 'no class'
        return names[number] if number < len(names) else f'class {number}'

    def _relevant(self, source: str, query: int, target: str,
                  item: int) -> bool:
        one = self._labels(source)[query]
        other = self._labels(target)[item]
        if np.ndim(one) == 0:
            return bool(one == other and one != -1)
        return bool((one * other > 0).any())

    def _first_class(self, part: str) -> np.ndarray:
        """Class of each item, the first of several; -1 where it has none."""
        labels = self._labels(part)
        if labels.ndim == 1:
            return labels
        return np.where(has_class(labels), labels.argmax(1), -1)

    def _examples(self) -> str:
        parts = []
        for direction, score in self._scores.items():
            labels = self._first_class(_PARTS[direction[0]])
            parts.append(f'<h3>{_NAMES[direction]}</h3>')
            for label in np.unique(labels)[:24]:
                members = np.flatnonzero((labels == label) & score.answered)
                if len(members):
                    order = members[np.argsort(score.values[members],
                                               kind='stable')]
                    parts.append(self._row(direction,
                                           int(order[len(order) // 2])))
        return section('What typical queries find', *parts,
                       lead='Of each class the query of median average '
                       'precision; green ✓ shares a class with it, red ✗ '
                       'does not.')

    def _worst(self) -> str:
        listed = sorted(
            (float(value), direction, query)
            for direction, score in self._scores.items()
            for query, value in enumerate(score.values)
            if not np.isnan(value))[:self.worst]
        return section(f'The {len(listed)} worst queries', *(
            self._row(direction, query) for _, direction, query in listed),
            lead='Lowest average precision of both directions.')

    def _classes(self) -> str:
        by_class = {d: s.by_class() for d, s in self._scores.items()}
        rows = []
        for label in sorted(set().union(*by_class.values())):
            counts = [int((self._first_class(_PARTS[d[0]]) == label).sum())
                      for d in by_class]
            rows.append([self._class(int(label)), str(counts[0])] + [
                f'{values[label]:.3f}' if label in values else ''
                for values in by_class.values()])
        return section('By class', table(
            ['class', 'images', *(_NAMES[d] for d in by_class)], rows))

    def _confusion(self) -> str:
        parts = []
        count = 1 + max(int(self._first_class(part).max())
                        for part in _PARTS.values())
        names = [self._class(n) for n in range(count)]
        for direction, (_, places) in self._found.items():
            source, target = (_PARTS[letter] for letter in direction[::2])
            query_class = self._first_class(source)
            found_class = self._first_class(target)[places]
            matrix = confusion(query_class, found_class,
                               count).counts.astype(float)
            matrix /= np.maximum(matrix.sum(1, keepdims=True), 1)
            parts += [f'<h3>{_NAMES[direction]}</h3>',
                      heat_table(matrix, names, names)]
        return section(
            'What is taken for what', *parts, lead='Classes of the first '
            f'{_TOP} results (columns, percent) of the queries of a class '
            '(rows).')

    def _space(self) -> str:
        if not self.tsne:
            return ''
        from chtn_plugin.evaluation.exact_search import unit_rows
        kept = {}
        for part in _PARTS.values():
            order = np.random.default_rng(0).permutation(
                len(self._vectors(part)))
            kept[part] = np.sort(order[:_MOST_POINTS // 2])
        try:
            image, text = (unit_rows(self._vectors(part))[kept[part]]
                           for part in kept)
            points = tsne_points(image, text)
        except ImportError as error:
            return section('The common space',
                           f'<p class="note">{esc(error)}</p>')
        kinds = [part for part in kept for _ in kept[part]]
        labels = np.concatenate([self._first_class(part)[kept[part]]
                                 for part in kept]).astype(int)
        count = labels.max() + 1
        names = [self._class(n) for n in range(count)]
        if (labels < 0).any():
            labels, names = np.where(labels < 0, count, labels), [
                *names, self._class(-1)]
        self.scatter = draw_scatter(points, kinds, labels, names)
        return section(
            'The common space', '<figure><img alt="t-SNE of images and texts"'
            f' src="{data_uri(self.scatter)}"></figure>',
            lead=f'{len(points)} images (●) and texts (✕) by t-SNE, which '
            'keeps neighbours together; distances between far groups mean '
            'nothing.')

    def _training(self) -> str:
        if not self.training and not self.validation:
            return section('Training', '<p class="pale">(no log of the '
                           'training was found beside the checkpoint)</p>')
        parts = []
        if self.validation:
            parts.append(line_chart(
                {name.rpartition('/')[2]: points
                 for name, points in self.validation.items()},
                'iteration', 'validation'))
        charts = [line_chart({name: points}, 'iteration', name, 300, 190)
                  for name, points in self.training.items()]
        parts.append('<div class="figures" style="grid-template-columns:'
                     'repeat(auto-fit,minmax(260px,1fr))">'
                     + ''.join(charts) + '</div>')
        return section('Training', *parts, lead='Each term as it was added '
                       'to the loss, its weight included.')

    def _config(self) -> str:
        if not self.config:
            return ''
        return section('Configuration', '<details><summary>Show</summary>'
                       f'<pre>{esc(self.config)}</pre></details>')
