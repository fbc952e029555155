"""Write the results of some queries as an HTML page."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .html import esc, page, result_row, section
from .result_sheet import Cell, Row, shown_parts

# Explains the score; a page without results states the usual one.
_UNITS = {False: 'cosines', True: 'inner products'}


def results_page(results: Sequence[Any]) -> str:
    """Write the results as one self-contained HTML document.

    Args:
        results: What ``RetrievalInferencer.search`` answered.
    """
    parts = []
    for result in results:
        best = sorted(result.classes.items(), key=lambda pair: -pair[1])[:3]
        query = Cell(
            result.picture if result.kind != 'text' else None,
            result.query, f'{best[0][0]} {best[0][1]:.0%}' if best else '')
        cells = [Cell(hit.path if hit.kind == 'image' else None,
                      hit.text or hit.id, hit.label, hit.score,
                      detail=shown_parts(hit.parts))
                 for hit in result.hits]
        notes = ''.join(f'<p class="note">{esc(note)}</p>'
                        for note in result.notes)
        taken = 'taken for ' + ', '.join(
            f'{name} {share:.1%}' for name, share in best) if best else ''
        parts.append(section(result.query[:120], notes,
                             result_row(Row(query, cells)), lead=taken))
    count = len(results)
    kinds = {result.similarity for result in results} == {'dot'}
    return page(
        'What was found', f'{count} quer{"y" if count == 1 else "ies"}, '
        f'scores are {_UNITS[kinds]}', parts)
