import re

import numpy as np
import pytest
from PIL import Image

from chtn_plugin.reporting.charts import _ticks, heat_table, line_chart
from chtn_plugin.reporting.html import (
    STYLE,
    card,
    esc,
    page,
    picture,
    table,
)
from chtn_plugin.reporting.result_sheet import Cell

ATTACKS = ['<script>alert(1)</script>', '"><img src=x onerror=alert(1)>',
           "' onload='x", '</style><script>', '&lt;', '\x00\x1b\ud800']


@pytest.mark.parametrize('text', ATTACKS)
def test_no_text_becomes_markup(text):
    pieces = [card(Cell(text=text, label=text), 1), table([text], [[text]]),
              page(text, text, []), heat_table(np.eye(1), [text], [text]),
              line_chart({text: ([1, 2], [1, 2])}, text, text)]
    for piece in pieces:
        assert '<script' not in piece
        assert '<img' not in piece
        assert "'" not in piece.replace("'none'", '').replace(
            "'unsafe-inline'", '')
        piece.encode('utf-8')


def test_picture_is_part_of_the_page(tmp_path):
    Image.new('L', (8, 8)).save(tmp_path / 'a.png')
    assert picture(tmp_path / 'a.png').startswith('<img src="data:image/')
    assert 'cannot be shown' in picture(tmp_path / 'gone.png')


def test_escapes_quotes():
    assert esc('"<&>\'') == '&quot;&lt;&amp;&gt;&#x27;'


@pytest.mark.parametrize('low, high', [(0, 1), (0.02, 0.03), (-3, 4e5),
                                       (1e-7, 2e-7)])
def test_ticks_are_few_and_inside(low, high):
    ticks = _ticks(low, high)
    assert 3 <= len(ticks) <= 10
    assert low - 1e-9 <= ticks[0] and ticks[-1] <= high + 1e-9


@pytest.mark.parametrize('ys', [[], [float('nan')], [1], [1, 1], [3, 2, 9]])
def test_chart_takes_any_values(ys):
    assert line_chart({'a': (range(len(ys)), ys)}).startswith(('<figure',
                                                               '<p'))


def test_right_and_wrong_differ_by_more_than_colour():
    right, wrong = (card(Cell(text='a', right=r), 1) for r in (True, False))
    assert '✓' in right and '✗' in wrong


def _luminance(colour: str) -> float:
    parts = [int(colour[at:at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= .03928 else
              ((part + .055) / 1.055)**2.4 for part in parts]
    return sum(weight * part for weight, part in zip(
        (.2126, .7152, .0722), linear, strict=True))


@pytest.mark.parametrize('ink, ground', [
    ('pale', '#ffffff'), ('pale', '--soft'), ('pale', '#eef8f2'),
    ('pale', '#fdf1f0'), ('ink', '--soft'), ('right', '#eef8f2'),
    ('wrong', '#fdf1f0'), ('accent', '#ffffff')])
def test_text_stands_out_from_its_ground(ink, ground):
    # 4.5 is what WCAG asks of small text.
    named = dict(re.findall(r'--(\w+):(#\w{6})', STYLE))
    colours = sorted(map(_luminance, (
        named[ink], named.get(ground.strip('-'), ground))))
    assert (colours[1] + .05) / (colours[0] + .05) >= 4.5


def test_a_page_has_landmarks_and_a_skip_link():
    text = page('a < b', 'below', ['<p>whole</p>'])
    body = text[text.index('<body>'):]
    assert body.startswith('<body><a class="skip" href="#content">')
    assert '<header><h1>a &lt; b</h1>' in body
    assert '<main id="content"><p>whole</p></main>' in body
