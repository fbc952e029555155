"""The report of a ladder as HTML, Markdown and JSON."""
from __future__ import annotations

import json

import pytest
from test_transfer_table import free, record

from chtn_plugin.studies.transfer_page import write_reports
from chtn_plugin.studies.transfer_table import summary

HOW = dict(set='small <set>', command='python tools/transfer_report.py x.py',
           train=48, test=15, classes=3, protocol='chtn-map-all', draws=2,
           prepared='centred', lacks=['Names: not measured.'])


@pytest.fixture
def made(tmp_path):
    found = summary([record('features', .3, d) for d in range(2)] + [
        record('pairs', .4 + .1 * d, d) for d in range(2)] + [
        record('pairs', .6, rung='10%', labelled=20), free(.35)])
    write_reports(tmp_path, found, HOW)
    return tmp_path


def test_the_page_has_words_plots_and_tables(made):
    text = (made / 'transfer.html').read_text()
    assert 'In words' in text and '<svg' in text
    assert 'recipe in closed form, over the bar' in text
    assert 'small &lt;set&gt;' in text


def test_markdown_has_gains_before_figures(made):
    text = (made / 'transfer.md').read_text()
    assert text.index('## Net gains') < text.index('## Figures')
    assert '| pairs | 2/class | +.150 ±' in text
    assert '| any | 0 | CCA on all pairs, no label | .350 |' in text
    assert '- Names: not measured.' in text


def test_json_holds_all_that_is_shown(made):
    stored = json.loads((made / 'transfer.json').read_text())
    assert stored['command'] == HOW['command']
    assert [rung['rung'] for rung in stored['rungs']] == ['2/class', '10%']


def test_no_name_of_what_was_measured_is_lost_in_the_plot(made):
    text = (made / 'transfer.html').read_text()
    for name in ('semantic matching', 'no label'):
        assert name in text
