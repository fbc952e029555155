"""Build HTML pages that load nothing from elsewhere.

No piece lets a text in unescaped, and the page's own policy forbids scripts
and everything from a network, so that not even a mistake here would run one.
"""
from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from typing import Any, Optional

from PIL import Image

from chtn_plugin.storage.ownership import PAGE_STAMP

from .result_sheet import Cell, Row, load_thumbnail

_POLICY = ("default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
           "base-uri 'none'; form-action 'none'")
_MAX_CHARS = 400
STYLE = """
:root{--ink:#0f172a;--pale:#526075;--line:#e2e8f0;--soft:#f5f7fa;
--right:#1a7f4b;--wrong:#c2362f;--accent:#1d4ed8}
*{box-sizing:border-box}
body{margin:0;background:#fff;color:var(--ink);overflow-wrap:anywhere;
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",
sans-serif}
main{max-width:1080px;margin:0 auto;padding:0 16px 64px}
body>header{max-width:1080px;margin:0 auto;padding:20px 16px 0}
.skip{position:absolute;left:-999px;background:#fff;padding:8px 14px}
.skip:focus{left:8px;top:8px;z-index:1}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
h1{font-size:26px;line-height:1.25;margin:8px 0 4px}
h2{font-size:19px;margin:36px 0 10px}
h3{font-size:15px;margin:20px 0 6px}
p{margin:6px 0;max-width:72ch}
.pale,figcaption{color:var(--pale);font-size:13px}
.figures{display:grid;gap:12px;margin:14px 0;
grid-template-columns:repeat(auto-fit,minmax(190px,1fr))}
.figure{border:1px solid var(--line);border-radius:10px;padding:12px 14px}
.figure b{font-size:26px;display:block;line-height:1.2}
.wide{overflow-x:auto}
table{border-collapse:collapse;font-size:13px;min-width:50%}
th,td{padding:4px 10px;text-align:right;border-bottom:1px solid var(--line);
white-space:nowrap}
th{color:var(--pale);font-weight:600}
th:first-child,td:first-child{text-align:left}
.heat td{text-align:center;min-width:34px;padding:4px}
.heat td:first-child{text-align:left;padding-right:10px}
.heat thead th{writing-mode:vertical-rl;transform:rotate(180deg);
text-align:left;padding:6px 2px}
.row{display:flex;gap:8px;overflow-x:auto;padding:4px 0 10px;margin:2px 0}
.card{flex:0 0 132px;border:1px solid var(--line);border-radius:10px;
background:var(--soft);padding:6px 8px;display:flex;flex-direction:column;
min-height:126px;font-size:13px;line-height:1.3}
.card.right{border:2px solid var(--right);background:#eef8f2}
.card.wrong{border:2px solid var(--wrong);background:#fdf1f0}
.card.query{background:#fff;border:2px solid #94a3b8}
.card header,.card footer{font-size:11px;color:var(--pale);display:flex;
justify-content:space-between;gap:4px}
.card footer{display:block;text-align:center}
.card.right header b{color:var(--right)}
.card.wrong header b{color:var(--wrong)}
.card div{flex:1;display:flex;align-items:center;justify-content:center;
text-align:center;padding:4px 0}
.card img{max-width:100%;max-height:120px}
svg{max-width:100%;height:auto}
figure{margin:10px 0}
figure>img{max-width:100%;height:auto}
pre{background:var(--soft);border-radius:8px;padding:12px;overflow-x:auto;
font-size:12px;line-height:1.45}
summary{cursor:pointer;color:var(--accent)}
.note{border-left:3px solid #d97706;padding-left:10px}
"""


def esc(text: Any) -> str:
    """Escape any text as HTML: markup is shown, not obeyed."""
    whole = str(text).encode('utf-8', 'replace').decode('utf-8')
    return html.escape(''.join(
        c if c >= ' ' or c in '\n\t' else ' ' for c in whole))


def page(title: str, subtitle: str, parts: Sequence[str]) -> str:
    """Write a whole HTML document.

    Args:
        title: Heading, plain text.
        subtitle: Line below it, plain text.
        parts: The rest, HTML.
    """
    return ('<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
            f'{PAGE_STAMP}<meta name="viewport" content="width=device-width,'
            'initial-scale=1"><meta name="color-scheme" content="light">'
            f'<title>{esc(title)}</title><style>{STYLE}</style></head><body>'
            + banner(title, subtitle) + '<main id="content">'
            + '\n'.join(parts) + '</main></body></html>\n')


def banner(title: str, subtitle: str,
           skip: str = 'Skip to the content') -> str:
    """Write the head of a page, and the link that a keyboard skips it by.

    The link leads to the element ``content``.

    Args:
        title: Heading, plain text.
        subtitle: Line below it, plain text.
        skip: What the link says.
    """
    return (f'<a class="skip" href="#content">{esc(skip)}</a>'
            f'<header><h1>{esc(title)}</h1>'
            f'<p class="pale">{esc(subtitle)}</p></header>')


def section(heading: str, *parts: str, lead: str = '') -> str:
    """Write a heading, an explaining line, and HTML."""
    intro = f'<p class="pale">{esc(lead)}</p>' if lead else ''
    return f'<section><h2>{esc(heading)}</h2>{intro}{"".join(parts)}</section>'


def picture(source: Any, size: int = 120, alt: str = '') -> str:
    """Embed a thumbnail in the page; a note where it is unreadable."""
    image = source if source is None else load_thumbnail(source, size)
    if image is None:
        return '<span class="pale">(picture cannot be shown)</span>'
    return (f'<img src="{data_uri(image)}" width="{image.width}" '
            f'height="{image.height}" alt="{esc(alt)}">')


def data_uri(image: Image.Image) -> str:
    """Encode a picture as a data URI; PNG or JPEG, whichever is smaller."""
    best: Optional[tuple[str, bytes]] = None
    for kind, options in (('png', dict(optimize=True)),
                          ('jpeg', dict(quality=85))):
        encoded = io.BytesIO()
        image.save(encoded, kind.upper(), **options)
        if best is None or len(encoded.getvalue()) < len(best[1]):
            best = kind, encoded.getvalue()
    assert best is not None
    return (f'data:image/{best[0]};base64,'
            + base64.b64encode(best[1]).decode('ascii'))


def card(cell: Cell, rank: Optional[int] = None, link: str = '') -> str:
    """Write the card of a query (without rank) or a result.

    Args:
        cell: What it shows.
        rank: From 1 on; None: a query.
        link: Address of a search for more like it.
    """
    mark = {True: ' ✓', False: ' ✗', None: ''}[cell.right]
    kind = 'query' if rank is None else {
        True: 'right', False: 'wrong', None: ''}[cell.right]
    score = '' if cell.score is None else f'{cell.score:.3f}'
    detail = f'<br>{esc(cell.detail)}' if cell.detail else ''
    more_link = (f'<br><a href="{esc(link)}">more like this</a>' if link
                 else '')
    head = '<b>query</b>' if rank is None else f'<b>{rank}{mark}</b>'
    if cell.image is not None:
        inner = picture(cell.image, alt=cell.text or cell.label)
    else:
        text = cell.text or '(empty text)'
        more = '…' if len(text) > _MAX_CHARS else ''
        inner = f'<span dir="auto">{esc(text[:_MAX_CHARS])}{more}</span>'
    return (f'<article class="card {kind}"><header>{head}'
            f'<span>{score}</span></header><div>{inner}</div>'
            f'<footer>{esc(cell.label[:80])}{detail}{more_link}</footer>'
            '</article>')


def result_row(row: Row) -> str:
    """Write a query and its results side by side; they scroll on a phone."""
    cards = [card(row.query)] + [card(cell, rank) for rank, cell in
                                 enumerate(row.results, 1)]
    return f'<div class="row">{"".join(cards)}</div>'


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table of plain texts."""
    top = ''.join(f'<th>{esc(name)}</th>' for name in head)
    body = ''.join('<tr>' + ''.join(f'<td>{esc(value)}</td>'
                                    for value in row) + '</tr>'
                   for row in rows)
    return (f'<div class="wide"><table><thead><tr>{top}</tr></thead>'
            f'<tbody>{body}</tbody></table></div>')
