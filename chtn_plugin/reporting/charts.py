"""Draw curves and heat maps as SVG and HTML, readable without colour."""
from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .html import esc

Points = tuple[Sequence[float], Sequence[float]]
_COLORS = ('#1d4ed8', '#c2410c', '#15803d', '#7e22ce')
_DASHES = ('', '6 4', '2 3', '9 3 2 3')
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 10, 12, 34


def line_chart(series: Mapping[str, Points], x_label: str = '',
               y_label: str = '', width: int = 420, height: int = 270,
               bottom: float | None = None,
               top: float | None = None) -> str:
    """Draw curves with axes and a legend.

    Args:
        series: Name to x and y values; values that are not finite are left
            out.
        x_label: What x is.
        y_label: What y is.
        width: Units; at 420 a phone shows letters near their own size.
        height: Units.
        bottom: Where y begins. None: at the least value.
        top: Where y ends. None: at the largest value.
    """
    curves = {}
    for name, (xs, ys) in series.items():
        x, y = np.asarray(xs, float), np.asarray(ys, float)
        kept = np.isfinite(x) & np.isfinite(y)
        if kept.any():
            curves[name] = x[kept], y[kept]
    if not curves:
        return '<p class="pale">(no values)</p>'
    every_x = np.concatenate([x for x, _ in curves.values()])
    every_y = np.concatenate([y for _, y in curves.values()])
    x0, x1 = _range(every_x.min(), every_x.max())
    y0, y1 = _range(every_y.min() if bottom is None else bottom,
                    every_y.max() if top is None else top)

    def at(x: float, y: float) -> str:
        left = _LEFT + (x - x0) / (x1 - x0) * (width - _LEFT - _RIGHT)
        down = height - _BOTTOM - (y - y0) / (y1 - y0) * (
            height - _BOTTOM - _TOP)
        return f'{left:.1f},{down:.1f}'

    parts = []
    for value in _ticks(y0, y1):
        start, end = at(x0, value).split(','), at(x1, value).split(',')
        parts.append(f'<path d="M{start[0]} {start[1]}H{end[0]}" '
                     'stroke="#e2e8f0"/>'
                     f'<text x="{_LEFT - 6}" y="{float(start[1]) + 4:.1f}" '
                     f'text-anchor="end">{value:.4g}</text>')
    for value in _ticks(x0, x1):
        left = at(value, y0).split(',')[0]
        parts.append(f'<text x="{left}" y="{height - _BOTTOM + 16}" '
                     f'text-anchor="middle">{value:.4g}</text>')
    for number, (x, y) in enumerate(curves.values()):
        places = ' '.join(at(a, b) for a, b in zip(x, y, strict=True))
        color, dash = _style(number)
        parts.append(f'<polyline points="{places}" fill="none" '
                     f'stroke="{color}" stroke-width="2" '
                     f'stroke-dasharray="{dash}"/>')
        if len(x) == 1:
            left, down = places.split(',')
            parts.append(f'<circle cx="{left}" cy="{down}" r="3" '
                         f'fill="{color}"/>')
    parts.append(f'<text x="{width - _RIGHT}" y="{height - 2}" '
                 f'text-anchor="end">{esc(x_label)}</text>')
    legend = ' '.join(_key(number, name)
                      for number, name in enumerate(curves))
    shown = f'<b>{esc(y_label)}</b> {legend}' if len(curves) > 1 else (
        f'<b>{esc(y_label)}</b>')
    return (f'<figure><figcaption>{shown}</figcaption>'
            f'<svg viewBox="0 0 {width} {height}" width="{width}" '
            f'role="img" aria-label="{esc(y_label)}" font-size="12" '
            'font-family="system-ui,sans-serif" fill="#64748b">'
            f'{"".join(parts)}</svg></figure>')


def heat_table(matrix: np.ndarray, rows: Sequence[str],
               columns: Sequence[str]) -> str:
    """Write shares in percent, the darker the larger, diagonal framed."""
    head = ''.join(f'<th>{esc(name)}</th>' for name in columns)
    body = []
    for number, (name, shares) in enumerate(zip(rows, matrix, strict=True)):
        cells = []
        for column, share in enumerate(shares):
            style = (f'background:rgba(29,78,216,{share:.2f});'
                     if share >= 0.005 else '')
            style += 'color:#fff;' if share > 0.5 else ''
            style += ('outline:2px solid #0f172a;outline-offset:-2px;'
                      if number == column else '')
            text = f'{100 * share:.0f}' if share >= 0.005 else ''
            cells.append(f'<td style="{style}">{text}</td>')
        body.append(f'<tr><td>{esc(name)}</td>{"".join(cells)}</tr>')
    return ('<div class="wide"><table class="heat"><thead><tr><th></th>'
            f'{head}</tr></thead><tbody>{"".join(body)}</tbody></table>'
            '</div>')


def _style(number: int) -> tuple[str, str]:
    return (_COLORS[number % len(_COLORS)], _DASHES[number % len(_DASHES)])


def _key(number: int, name: str) -> str:
    color, dash = _style(number)
    return ('<span style="white-space:nowrap"><svg width="26" height="8">'
            f'<path d="M0 4H26" stroke="{color}" stroke-width="3" '
            f'stroke-dasharray="{dash}"/></svg> {esc(name)}</span>')


def _range(low: float, high: float) -> tuple[float, float]:
    if high > low:
        return float(low), float(high)
    return float(low) - 0.5, float(low) + 0.5


def _ticks(low: float, high: float) -> list[float]:
    """Four to nine round numbers in between."""
    step = 10.0**np.floor(np.log10((high - low) / 4))
    step *= next(m for m in (5, 2, 1) if (high - low) / (m * step) >= 3.5
                 or m == 1)
    first = np.ceil(low / step - 1e-9)
    return [float(n * step) + 0.0 for n in np.arange(
        first, np.floor(high / step + 1e-9) + 1)]
