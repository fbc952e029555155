"""Reports of a benchmark: Markdown, HTML, LaTeX and JSON."""
import json

import pytest
from test_benchmark_table import draws

from chtn_plugin.studies.benchmark_report import (
    heading,
    html_page,
    latex,
    markdown,
    write_reports,
)
from chtn_plugin.studies.benchmark_table import tables

HOW = dict(command='python tools/benchmark.py a.npz', prepared='centred',
           budget=8, trained_budget=4)


@pytest.fixture
def made():
    return tables([*draws('Low', .3), *draws('Hello_x', .6), dict(
        kind='error', set='a', labels='10%', unseen=None, draw=0,
        method='<b>', error='ValueError: a | b', at='x:1')])


def test_markdown_has_a_row_a_method_with_its_interval(made):
    text = markdown(made, HOW)
    assert '## a, 10% of the labels' in text
    assert '| Low | .30' in text and ' ± .00' in text
    assert 'Hello_x is ahead of every other method' in text


def test_a_failure_is_told_and_breaks_no_table(made):
    assert '| <b> | failed: ValueError: a \\| b |' in markdown(made, HOW)


def test_the_page_escapes_whatever_comes(made):
    page = html_page(made, HOW)
    assert '<b>|' not in page and '&lt;b&gt;' in page
    assert '<svg' in page and 'Hello_x is ahead' in page


def test_latex_escapes_underscores(made):
    assert 'Hello\\_x & ' in latex(made)
    assert latex(made).count(r'\begin{tabular}') == 1


def test_unseen_classes_are_named_in_the_heading():
    table, = tables(draws('A', .5, unseen=.25))
    assert heading(table).endswith(
        'tested on unseen classes alone (25% of all)')


def test_a_number_a_class_reads_as_a_sentence():
    table, = tables(draws('A', .5, labels='4/class'))
    assert heading(table) == 'a, 4 labels a class'


def test_ranks_over_sets_are_plotted():
    other = [dict(record, set='b') for record in (
        *draws('A', .5), *draws('<B>', .6))]
    made = tables([*draws('A', .5), *draws('<B>', .3), *other])
    page = html_page(made, HOW)
    assert 'mean rank, 1 is best' in page
    assert '<title>&lt;B&gt;, 10%: 1.5</title>' in page


def test_sets_are_laid_side_by_side():
    other = [dict(record, set='b') for record in draws('A', .5)]
    made = tables([*draws('A', .5), *draws('<B>', .3), *other])
    text = markdown(made, HOW)
    assert text.index('## Mean MAP, 10% of the labels') < text.index('## a, ')
    assert '| method | a | b |' in text
    assert '## Mean MAP' not in markdown(tables(draws('A', .5)), HOW)
    assert '&lt;B&gt;' in html_page(made, HOW)


def test_what_is_not_known_of_outside_results_stays_empty():
    records = [dict(record, seconds=None, numbers=None)
               for record in draws('A', .5)]
    row = next(line for line in markdown(tables(records), HOW).splitlines()
               if line.startswith('| A |'))
    assert '|  |  | ' in row and 'None' not in row


def test_all_four_files_are_written(made, tmp_path):
    paths = write_reports(tmp_path, made, HOW)
    assert [path.suffix for path in paths] == ['.md', '.html', '.tex',
                                               '.json']
    stored = json.loads(paths[-1].read_text())
    assert stored['tables'][0]['rows'][0]['method'] == 'Hello_x'


def test_what_has_no_rank_has_no_plot():
    found = tables(draws('random', .1) + draws('random', .1, name='b'))
    page = html_page(found, HOW)
    assert 'random' in page and 'mean rank' not in page
