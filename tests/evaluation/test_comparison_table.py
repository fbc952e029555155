"""A comparison as Markdown."""
from __future__ import annotations

import pytest
from scored_sets import results

from chtn_plugin.evaluation import (
    compare_methods,
)
from chtn_plugin.evaluation.comparison_table import (
    format_comparison,
    holds_comparison,
)


def test_markdown_names_protocol_and_correction():
    text = format_comparison(compare_methods(
        {'a': [results(1)], 'b': [results(2)]}))
    assert '### chtn-map-all, mean' in text
    assert "Holm's correction over all 3" in text


FIGURE = dict(protocol='chtn-map-all', direction='i2t', seeds=2, mean=.5,
              std=.25, interval=[.4, .625], used=['chtn-map-all'],
              lower_is_better=False)


def test_a_row_shows_mean_deviation_and_interval():
    table = format_comparison(dict(
        figures=[dict(FIGURE, method='a'),
                 dict(FIGURE, method='b', seeds=1, std=None,
                      used=['chtn-map-all:dot'])],
        pairs=[], tests=0)).splitlines()
    assert table[4:6] == [
        '| a | 2 | 0.5000 ± 0.2500 | 0.4000 to 0.6250 |',
        '| b (chtn-map-all:dot) | 1 | 0.5000 | 0.4000 to 0.6250 |']


def test_sentences_stand_below_the_table_of_their_protocol():
    pair = dict(protocol='chtn-map-all', direction='i2t', words='a is ahead')
    other = dict(pair, direction='t2i', words='b is ahead')
    lines = format_comparison(dict(
        figures=[dict(FIGURE, method='a'),
                 dict(FIGURE, method='a', direction='t2i')],
        pairs=[pair, other], tests=2)).splitlines()
    assert lines.index('- a is ahead.') < lines.index(
        '### chtn-map-all, t2i') < lines.index('- b is ahead.')


@pytest.mark.parametrize('text, held', [
    ('{"schema": "chtn_plugin.comparison/1"}', True),
    ('{"schema": "chtn_plugin.results/1"}', False),
    ('[]', False), ('no JSON', False), ('### mine\n', False)])
def test_a_comparison_is_known_by_its_schema(tmp_path, text, held):
    (tmp_path / 'file').write_text(text)
    assert holds_comparison(tmp_path / 'file') == held


def test_markdown_is_known_by_its_last_line(tmp_path):
    path = tmp_path / 'compared.md'
    path.write_text(format_comparison(dict(
        figures=[dict(FIGURE, method='a')], pairs=[], tests=0)))
    assert holds_comparison(path)
    assert not holds_comparison(tmp_path / 'gone.md')
