"""Read article text out of XML files of unknown origin."""
from __future__ import annotations

import html
import re
from pathlib import Path
from xml.parsers import expat

#: Separates several texts of one pair in a manifest's cell.
TEXT_SEPARATOR = ' ||| '

#: An article longer than this is a broken or hostile file.
MAX_BYTES = 20_000_000
_TEXT_ELEMENT = re.compile(r'<text[^>]*>(.*?)</text>', re.DOTALL)
_TAG = re.compile(r'<[^<>]*>')


def clean_text(text: str) -> str:
    """Return a text as a manifest can hold it.

    White space runs become one space, control characters go, and a text
    separator that stands in the text by chance is broken up.
    """
    text = ''.join(char for char in text if char >= ' ' or char.isspace())
    return ' '.join(text.split()).replace(TEXT_SEPARATOR.strip(), '|')


def article_text(path: str | Path) -> str:
    """Return the content of an XML file's ``<text>`` element, cleaned.

    Nothing is ever fetched or expanded: a document type (where entities are
    declared) is refused. Text that is not well-formed, as a bare ``&`` in an
    article, is read between the tags instead.

    Args:
        path: UTF-8 file; where it is not, Windows-1252 is assumed.

    Returns:
        The text on one line; empty where there is no such element.

    Raises:
        ValueError: The file declares a document type or is over 20 MB.
    """
    path = Path(path)
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise ValueError(f'an article must be at most {MAX_BYTES} bytes, '
                         f'{path} has {size}')
    raw = path.read_bytes()
    try:
        source = raw.decode('utf-8-sig')
    except UnicodeDecodeError:
        source = raw.decode('cp1252', errors='replace')
    if '<!DOCTYPE' in source or '<!ENTITY' in source:
        raise ValueError('an article must not declare a document type or '
                         f'entities: {path}')
    try:
        text = _parse(source)
    except expat.ExpatError:
        match = _TEXT_ELEMENT.search(source)
        text = html.unescape(_TAG.sub(' ', match[1])) if match else ''
    return clean_text(text)


def _parse(source: str) -> str:
    parts: list[str] = []
    depth = 0

    def start(name: str, _attributes: dict) -> None:
        nonlocal depth
        depth += depth > 0 or name == 'text'

    def end(_name: str) -> None:
        nonlocal depth
        depth -= depth > 0

    def characters(data: str) -> None:
        if depth:
            parts.append(data)

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = characters
    parser.Parse(source, True)
    return ''.join(parts)
