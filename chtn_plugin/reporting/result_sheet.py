"""Draw queries and their results as one picture."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Optional

import numpy as np
from PIL import Image, ImageDraw

from ..storage.pictures import open_picture, upright
from .fonts import FontStack

RIGHT, WRONG, NEUTRAL = '#1a7f4b', '#c2362f', '#64748b'
_FILL = {True: '#eef8f2', False: '#fdf1f0', None: '#f5f7fa'}
_EDGE = {True: RIGHT, False: WRONG, None: '#cbd5e1'}
_INK, _PALE, _PAPER = '#0f172a', '#64748b', '#ffffff'
_CARD, _GAP, _MARGIN, _QUERY_GAP = 148, 10, 24, 34
_HEIGHT = 132
# A file beyond this is left to the eye of its owner, not decoded here.
MAX_PIXELS = 50_000_000


@dataclass
class Cell:
    """One picture or text.

    Attributes:
        image: Path, PIL picture or array (H, W), (H, W, 1) or (H, W, 3).
        text: What stands there where there is no image.
        label: Class name, in small letters below.
        score: Similarity to the query.
        right: Whether it is relevant; None where that is unknown.
        detail: What else is known of the score; on pages only.
    """
    image: Any = None
    text: str = ''
    label: str = ''
    score: Optional[float] = None
    right: Optional[bool] = None
    detail: str = ''


def shown_parts(parts: Mapping[str, float]) -> str:
    """Write the parts of a score, as ``class 0.93 · instance 0.41``."""
    return ' · '.join(f'{name} {value:.2f}' for name, value in parts.items())


@dataclass
class Row:
    """A query, and its results from the best on."""
    query: Cell
    results: list[Cell] = field(default_factory=list)


def draw_result_sheet(sections: Sequence[tuple[str, Sequence[Row]]],
                      title: str = '',
                      subtitle: str = '',
                      fonts: Sequence[str] = (),
                      scale: float = 1.) -> Image.Image:
    """Draw queries (left) and their ranked results.

    Right results are green and ticked, wrong ones red and crossed, so that
    colour is not the only sign.

    Args:
        sections: Headings, and the rows below each.
        title: First line.
        subtitle: Second line, in pale.
        fonts: Font files for scripts that DejaVu Sans lacks.
        scale: Pixels per unit; 2 for dense screens.

    Returns:
        The picture, RGB.
    """
    sheet = _Sheet(fonts, scale)
    columns = max((len(row.results) for _, rows in sections for row in rows),
                  default=0)
    width = (2 * _MARGIN + _CARD + _QUERY_GAP + columns * (_CARD + _GAP)
             - _GAP)
    top = _MARGIN + (34 if title else 0) + (26 if subtitle else 0)
    height = top + sum(40 + len(rows) * (_HEIGHT + _GAP)
                       for _, rows in sections) + _MARGIN - _GAP
    sheet.begin(max(width, 480), height)
    if title:
        sheet.line((_MARGIN, _MARGIN - 4), title, sheet.title, _INK, width)
    if subtitle:
        sheet.line((_MARGIN, top - 28), subtitle, sheet.body, _PALE, width)
    y = top
    for heading, rows in sections:
        sheet.line((_MARGIN, y + 8), heading, sheet.strong, _INK, width)
        y += 40
        for row in rows:
            sheet.card((_MARGIN, y), row.query)
            sheet.arrow((_MARGIN + _CARD, y + _HEIGHT / 2))
            x = _MARGIN + _CARD + _QUERY_GAP
            for rank, cell in enumerate(row.results, 1):
                sheet.card((x, y), cell, rank)
                x += _CARD + _GAP
            y += _HEIGHT + _GAP
    return sheet.picture


def load_thumbnail(source: Any, size: int) -> Optional[Image.Image]:
    """Load a picture, RGB, at most ``size`` long; None if unreadable.

    Args:
        source: Path, PIL picture or array, as in :class:`Cell`.
        size: Longest side. Smaller pictures grow by whole factors, so that
            the pixels of small ones stay sharp.
    """
    try:
        if isinstance(source, np.ndarray):
            array = source[..., 0] if source.shape[-1:] == (1, ) else source
            image = Image.fromarray(array)
        elif isinstance(source, Image.Image):
            image = source
        else:
            image = open_picture(source, MAX_PIXELS, near=size)
        if image.width * image.height > MAX_PIXELS:
            return None
        image = upright(image)
        if 'transparency' in image.info or image.mode in ('RGBA', 'LA'):
            image = image.convert('RGBA')
            paper = Image.new('RGBA', image.size, _PAPER)
            image = Image.alpha_composite(paper, image)
        image = image.convert('RGB')
    except (OSError, ValueError, SyntaxError, TypeError):
        return None
    if max(image.size) * 2 <= size:
        factor = size // max(image.size)
        return image.resize((image.width * factor, image.height * factor),
                            Image.Resampling.BICUBIC)
    image.thumbnail((size, size), Image.Resampling.LANCZOS)
    return image


class _Sheet:
    """Draws in units of which ``scale`` pixels make one."""

    def __init__(self, fonts: Sequence[str], scale: float) -> None:
        self.scale = scale

        def face(size: int, bold: bool = False) -> FontStack:
            return FontStack(round(size * scale), fonts, bold)

        self.title, self.strong = face(22, True), face(15, True)
        self.body, self.small, self.mark = face(13), face(11), face(11, True)

    def begin(self, width: int, height: int) -> None:
        size = (round(width * self.scale), round(height * self.scale))
        self.picture = Image.new('RGB', size, _PAPER)
        self.canvas = ImageDraw.Draw(self.picture)

    def at(self, *values: float) -> list[int]:
        return [round(value * self.scale) for value in values]

    def line(self, place: tuple[float, float], text: str, font: FontStack,
             fill: str, width: float) -> None:
        limit = (width - place[0]) * self.scale
        for line in font.wrap(text, limit, 1):
            font.draw(self.canvas, self.at(*place), line, fill)

    def arrow(self, place: tuple[float, float]) -> None:
        x, y = place[0] + 9, place[1]
        self.canvas.line(self.at(x, y, x + 15, y), fill='#94a3b8',
                         width=max(1, round(2 * self.scale)))
        self.canvas.polygon(self.at(x + 11, y - 5, x + 18, y, x + 11, y + 5),
                            fill='#94a3b8')

    def card(self, place: tuple[float, float], cell: Cell,
             rank: Optional[int] = None) -> None:
        x, y = place
        right = cell.right if rank else None
        self.canvas.rounded_rectangle(
            self.at(x, y, x + _CARD, y + _HEIGHT),
            radius=round(9 * self.scale), fill=_FILL[right],
            outline=_EDGE[right],
            width=max(1, round((2 if right is not None else 1) * self.scale)))
        head = 24 if rank else 8
        if rank:
            self._head(x, y, cell, rank)
        foot = 24 if cell.label else 8
        room = _HEIGHT - head - foot
        if cell.image is not None:
            self._image(x, y + head, room, cell.image)
        else:
            self._text(x, y + head, room, cell.text)
        if cell.label:
            shown = self.small.wrap(cell.label, (_CARD - 16) * self.scale, 1)
            for line in shown:
                space = _CARD - self.small.length(line) / self.scale
                self.small.draw(self.canvas,
                                self.at(x + space / 2, y + _HEIGHT - 20),
                                line, _PALE)

    def _head(self, x: float, y: float, cell: Cell, rank: int) -> None:
        mark = {True: '✓', False: '✗', None: ''}[cell.right]
        color = {True: RIGHT, False: WRONG, None: NEUTRAL}[cell.right]
        self.mark.draw(self.canvas, self.at(x + 9, y + 5),
                       f'{rank} {mark}'.rstrip(), color)
        if cell.score is not None:
            text = f'{cell.score:.3f}'
            length = self.small.length(text) / self.scale
            self.small.draw(self.canvas,
                            self.at(x + _CARD - 9 - length, y + 5), text,
                            _PALE)

    def _image(self, x: float, y: float, room: float, source: Any) -> None:
        size = round(min(room, _CARD - 16) * self.scale)
        image = load_thumbnail(source, size)
        if image is None:
            self._text(x, y, room, '(picture cannot be shown)')
            return
        left, top = self.at(x + _CARD / 2, y + room / 2)
        place = (left - image.width // 2, top - image.height // 2)
        self.picture.paste(image, place)

    def _text(self, x: float, y: float, room: float, text: str) -> None:
        step = self.body.line_height / self.scale
        lines = self.body.wrap(text or '(empty text)',
                               (_CARD - 16) * self.scale,
                               max(1, int(room // step)))
        top = y + (room - step * len(lines)) / 2
        for number, line in enumerate(lines):
            space = _CARD - self.body.length(line) / self.scale
            self.body.draw(self.canvas,
                           self.at(x + space / 2, top + number * step), line,
                           _INK)
