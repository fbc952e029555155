import re

import numpy as np

from chtn_plugin.reporting.charts import heat_table, line_chart


def _points(svg):
    return [[tuple(map(float, place.split(','))) for place in line.split()]
            for line in re.findall(r'<polyline points="([^"]*)"', svg)]


def test_curve_goes_from_corner_to_corner():
    # 420 × 270 less the margins: x 46 to 410, y 236 (below) to 12
    points, = _points(line_chart({'a': ([0, 5, 10], [1., 2., 3.])}))
    assert points == [(46, 236), (228, 124), (410, 12)]


def test_bounds_are_kept():
    points, = _points(line_chart({'a': ([0, 1], [0.25, 0.75])}, bottom=0,
                                 top=1))
    assert [y for _, y in points] == [180, 68]


def test_values_that_are_not_finite_are_left_out():
    chart = line_chart({'a': ([0, 1, 2], [1., np.nan, 3.]),
                        'lost': ([0], [np.inf]), 'b': ([0], [1.])})
    assert [len(line) for line in _points(chart)] == [2, 1]
    assert '</svg> b</span>' in chart
    assert 'lost' not in chart
    assert 'no values' in line_chart({'a': ([], [])})


def test_curves_differ_by_more_than_colour():
    chart = line_chart({name: ([0, 1], [0, 1]) for name in 'abcd'})
    dashes = re.findall(r'<polyline[^>]*stroke-dasharray="([^"]*)"', chart)
    assert len(set(dashes)) == 4


def test_names_are_no_markup():
    assert '<b>x' not in line_chart({'<b>x': ([0, 1], [0, 1]),
                                     'y': ([0, 1], [0, 1])}, y_label='<b>x')


def test_heat_table_shows_percent_and_frames_the_diagonal():
    table = heat_table(np.array([[0.75, 0.25], [0.001, 0.999]]),
                       ['cat', '<dog>'], ['cat', '<dog>'])
    cells = re.findall(r'<td style="([^"]*)">([^<]*)</td>', table)
    assert [text for _, text in cells] == ['75', '25', '', '100']
    assert ['outline' in style for style, _ in cells] == [
        True, False, False, True]
    assert '&lt;dog&gt;' in table and '<dog>' not in table
