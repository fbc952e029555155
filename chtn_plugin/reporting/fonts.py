"""Draw text into pictures, in any script."""
from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import matplotlib
from matplotlib.ft2font import FT2Font
from PIL import ImageDraw, ImageFont

# Nothing longer is ever shown; a longer text is not even measured.
_MAX_CHARS = 400


class FontStack:
    """Fonts of one size; each character is drawn in the first that has it.

    The last is matplotlib's DejaVu Sans (Latin, Greek, Cyrillic, Arabic,
    Hebrew, Georgian, Armenian, symbols), which is always there. A character
    that no font has becomes a box, never an error.

    Args:
        size: Height of a line's letters in pixels.
        paths: Font files to try before DejaVu Sans, for other scripts.
        bold: Take DejaVu's bold face.

    Raises:
        FileNotFoundError: A font file is missing.
        ValueError: A file is no font.
    """

    def __init__(self, size: int, paths: Sequence[str] = (),
                 bold: bool = False) -> None:
        face = 'DejaVuSans-Bold.ttf' if bold else 'DejaVuSans.ttf'
        builtin = Path(matplotlib.get_data_path()) / 'fonts' / 'ttf' / face
        for path in paths:
            if not Path(path).is_file():
                raise FileNotFoundError(f'font not found: {path}')
        try:
            self._fonts = [(_characters(str(path)),
                            ImageFont.truetype(str(path), size))
                           for path in (*paths, builtin)]
        except (OSError, RuntimeError) as error:
            raise ValueError(f'a font must be one that FreeType reads: {paths}'
                             f': {error}') from error
        self.line_height = round(size * 1.3)

    def length(self, text: str) -> float:
        """Return the width of a line in pixels."""
        return sum(font.getlength(part) for font, part in self._runs(text))

    def draw(self, canvas: ImageDraw.ImageDraw, place: Sequence[float],
             text: str, fill: str) -> None:
        """Draw a line; ``place`` is its left end and its letters' top."""
        x, y = place
        for font, part in self._runs(text):
            # The base line is shared, whatever the fonts' own heights are.
            canvas.text((x, y + self.line_height * 0.77), part, font=font,
                        fill=fill, anchor='ls')
            x += font.getlength(part)

    def wrap(self, text: str, width: float, lines: int) -> list[str]:
        """Break a text into lines, the last cut with an ellipsis.

        Args:
            text: Any text; white space becomes blanks.
            width: Most pixels a line may take.
            lines: Most lines.
        """
        done: list[str] = []
        line = ''
        words = printable(text[:_MAX_CHARS]).split(' ')
        for number, word in enumerate(words):
            longer = f'{line} {word}' if line else word
            if self.length(longer) <= width:
                line = longer
                continue
            if line:
                done.append(line)
            while self.length(word) > width and len(done) < lines:
                fits = self._fitting(word, width)
                done.append(word[:fits])
                word = word[fits:]
            line = word
            if len(done) >= lines:
                return self._cut(done, width, lines,
                                 bool(word) or number + 1 < len(words))
        if line:
            done.append(line)
        return self._cut(done, width, lines, len(text) > _MAX_CHARS)

    def _cut(self, done: list[str], width: float, lines: int,
             more: bool) -> list[str]:
        if len(done) > lines or more:
            done = done[:lines]
            last = done[-1]
            while last and self.length(last + '…') > width:
                last = last[:-1]
            done[-1] = last.rstrip() + '…'
        return done

    def _fitting(self, word: str, width: float) -> int:
        count = 1
        while count < len(word) and self.length(word[:count + 1]) <= width:
            count += 1
        return count

    def _runs(self, text: str) -> list[tuple[ImageFont.FreeTypeFont, str]]:
        """The text cut where the font changes."""
        runs: list[tuple[ImageFont.FreeTypeFont, str]] = []
        for char in printable(text):
            font = next((font for known, font in self._fonts
                         if ord(char) in known), self._fonts[-1][1])
            # Marks stay with the letter that they sit on.
            if runs and (runs[-1][0] is font or unicodedata.combining(char)):
                runs[-1] = (runs[-1][0], runs[-1][1] + char)
            else:
                runs.append((font, char))
        return runs


def printable(text: str) -> str:
    """Put a text on one line, without control or half characters."""
    whole = text.encode('utf-8', 'replace').decode('utf-8')
    return ' '.join(''.join(
        ' ' if unicodedata.category(c) in ('Cc', 'Zl', 'Zp') else c
        for c in whole).split())


@lru_cache(maxsize=16)
def _characters(path: str) -> frozenset[int]:
    return frozenset(FT2Font(path).get_charmap())
