"""A search page for the browser, as an ASGI application."""
from __future__ import annotations

import json
import threading
from dataclasses import asdict, dataclass, replace
from typing import Any, Optional
from urllib.parse import urlencode

from PIL import Image

from chtn_plugin.reporting.html import STYLE, banner, card, esc
from chtn_plugin.reporting.result_sheet import Cell, shown_parts
from chtn_plugin.storage.pictures import (
    PictureError,
    PictureTooLargeError,
    UnknownFormatError,
    open_picture,
)

from .gallery_filter import Filter
from .search_result import SearchResult

MAX_UPLOAD = 16 << 20
MAX_TEXT = 10_000
MAX_TOPK = 100
_MOST_LABELS = 200
_MAX_PAGE_PIXELS = 40_000_000
_HEADERS = {
    'Content-Security-Policy': "default-src 'none'; img-src data:; "
    "style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    'X-Content-Type-Options': 'nosniff', 'Referrer-Policy': 'no-referrer',
    'Cache-Control': 'no-store'}
_FORM_STYLE = """
form{border:1px solid var(--line);border-radius:12px;padding:14px 16px;
display:grid;gap:10px;margin:14px 0 20px}
label{font-size:13px;color:var(--pale)}
input[type=text],input[type=file],input[type=number],select{font:inherit;
width:100%;padding:9px 10px;border:1px solid #7a8699;border-radius:8px}
input[type=file]{border-style:dashed;padding:16px 10px;background:var(--soft)}
.line{display:grid;gap:10px;grid-template-columns:1fr 90px}
button{font:inherit;font-weight:600;padding:10px 18px;border:0;color:#fff;
border-radius:8px;background:var(--accent);justify-self:start;cursor:pointer}
input[type=range]{width:100%;display:block}
.row{flex-wrap:wrap}
.bar{height:8px;border-radius:4px;background:var(--accent)}
.classes{display:grid;gap:4px 10px;grid-template-columns:auto 1fr auto;
align-items:center;font-size:13px;max-width:480px;margin:6px 0 14px}
"""


def search_app(inferencer: Any, hosts: tuple[str, ...] = (
        'localhost', '127.0.0.1', '[::1]')) -> Any:
    """Build the ASGI application: a form, and the results below it.

    ``/?text=...&topk=...`` is a text query as a link, and
    ``/search.json?text=...`` the same answer as JSON; a form with a picture
    may be sent to either. The page keeps nothing,
    loads nothing from elsewhere and runs no script in the browser. One query
    is answered at a time.

    Args:
        inferencer: A :class:`RetrievalInferencer` with a gallery.
        hosts: Names under which it may be asked for, so that another site's
            page cannot ask under a name of its own.

    Raises:
        ImportError: ``starlette`` is not installed.
    """
    try:
        from starlette.applications import Starlette
        from starlette.concurrency import run_in_threadpool
        from starlette.exceptions import HTTPException
        from starlette.middleware import Middleware
        from starlette.middleware.trustedhost import TrustedHostMiddleware
        from starlette.responses import HTMLResponse, Response
        from starlette.routing import Route
    except ImportError as error:
        raise ImportError('the search page needs starlette: pip install '
                          'starlette uvicorn python-multipart') from error
    lock = threading.Lock()

    def answer(asked: Asked, as_json: bool) -> tuple[int, str]:
        with lock:
            status, found = _answer(inferencer, asked)
        if as_json:
            return status, _as_json(found)
        if isinstance(found, str):
            asked = replace(asked, text=asked.text[:200], topk=asked.topk[:4])
            return status, search_page(inferencer, asked, error=found)
        return status, search_page(inferencer, asked, found)

    def reply(as_json: bool, status: int, body: str) -> Any:
        if as_json:
            return Response(body, status, _HEADERS, 'application/json')
        return HTMLResponse(body, status, _HEADERS)

    def wants_json(request: Any) -> bool:
        return request.url.path.endswith('.json')

    async def show(request: Any) -> Any:
        asked, as_json = request.query_params, wants_json(request)
        if 'text' not in asked and 'like' not in asked and not as_json:
            return HTMLResponse(search_page(inferencer), headers=_HEADERS)
        return reply(as_json, *await run_in_threadpool(
            answer, Asked.of(asked), as_json))

    async def search(request: Any) -> Any:
        as_json = wants_json(request)
        try:
            body = await _bounded(request)
            form = await body.form(max_files=1, max_fields=8,
                                   max_part_size=MAX_UPLOAD)
            upload = form.get('image')
            picture = (await upload.read() if hasattr(upload, 'read')
                       else b'')
            return reply(as_json, *await run_in_threadpool(
                answer, Asked.of(form, picture), as_json))
        except _TooLarge:
            status, error = 413, (
                f'an upload must have at most {MAX_UPLOAD >> 20} MiB')
        except HTTPException as refused:
            status, error = refused.status_code, (
                f'the form could not be read: {refused.detail}')
        return reply(as_json, status, _as_json(error) if as_json else
                     search_page(inferencer, error=error))

    return Starlette(
        routes=[Route(path, handler, methods=[method])
                for path in ('/', '/search.json')
                for handler, method in ((show, 'GET'), (search, 'POST'))],
        middleware=[Middleware(TrustedHostMiddleware,
                               allowed_hosts=list(hosts))])


class _TooLarge(Exception):
    """A request that goes on beyond the bound."""


async def _bounded(request: Any) -> Any:
    """The request, read at most to the bound, whatever its header says."""
    from starlette.requests import Request
    limit = MAX_UPLOAD + (1 << 16)
    if int(request.headers.get('content-length') or 0) > limit:
        raise _TooLarge
    pieces, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size > limit:
            raise _TooLarge
        pieces.append(piece)
    body = b''.join(pieces)

    async def receive() -> dict[str, Any]:
        return dict(type='http.request', body=body, more_body=False)
    return Request(request.scope, receive)


@dataclass(frozen=True)
class Asked:
    """What a form or a link asks.

    Attributes:
        text: The text box.
        picture: Bytes of an upload; empty without.
        topk: Number of results, as written.
        balance: Per cent of the instance part, as written; empty: as the
            model holds it.
        without: A label to leave out; empty: none.
        only: ``FIELD=VALUE`` that what is found must meet, or a label;
            empty: none.
        like: ``kind:id`` of an item to ask with; empty: none.
    """
    text: str = ''
    picture: bytes = b''
    topk: str = '10'
    balance: str = ''
    without: str = ''
    only: str = ''
    like: str = ''

    @classmethod
    def of(cls, fields: Any, picture: bytes = b'') -> Asked:
        """Read the fields of a form, or of an address."""
        values = {name: str(fields.get(name) or '').strip()
                  for name in (
                      'text', 'topk', 'balance', 'without', 'only', 'like')}
        return cls(**{**values, 'topk': values['topk'] or '10'},
                   picture=picture)


def _as_json(found: SearchResult | str) -> str:
    """An answer, or why there is none, as JSON.

    Paths of this machine stay here: an item has its id.
    """
    content: dict[str, Any] = dict(schema='chtn_plugin.found/1')
    if isinstance(found, str):
        content['error'] = found
    else:
        content |= {name: value for name, value in asdict(
            replace(found, picture=None)).items() if name != 'picture'}
        for hit in content['hits']:
            del hit['path']
    return json.dumps(content, ensure_ascii=False)


def _answer(inferencer: Any, asked: Asked
            ) -> tuple[int, SearchResult | str]:
    """Status of one query, and what was found, or why nothing was."""
    text, picture, topk = asked.text, asked.picture, asked.topk
    try:
        count = int(topk) if topk.isdecimal() and len(topk) < 10 else 0
        if not 1 <= count <= MAX_TOPK:
            raise ValueError('the number of results must be 1 to '
                             f'{MAX_TOPK}, got {topk[:20]!r}')
        if not (text or picture or asked.like):
            raise ValueError('a query must be a text or a picture, got '
                             'neither')
        if len(text) > MAX_TEXT:
            raise ValueError(f'a text must have at most {MAX_TEXT} '
                             f'characters, got {len(text)}')
        query: dict[str, Any] = {}
        if asked.like:
            query = _like(inferencer, asked.like)
        if picture:
            query['image'] = _opened(picture)
        if text:
            query['text'] = text
        filters = []
        if asked.without:
            filters.append(Filter('label', asked.without, True))
        if asked.only:
            filters.append(Filter.parse(asked.only))
        query['filters'] = filters
        if asked.balance and inferencer.model.balance is not None:
            query['balance'] = _share(asked.balance)
        result = inferencer.search(**query, topk=count)
    except ValueError as error:
        return 400, str(error)
    except OSError:  # its message would show where the pictures lie
        return 400, 'a picture of the gallery is no longer there'
    return 200, result


def _share(balance: str) -> float:
    if not balance.isdecimal() or len(balance) > 3 or int(balance) > 100:
        raise ValueError('the balance must be 0 to 100 per cent, got '
                         f'{balance[:20]!r}')
    return int(balance) / 100


def _like(inferencer: Any, like: str) -> dict[str, Any]:
    """A query of an item of the gallery, for more of its kind."""
    kind, _, name = like.partition(':')
    gallery = inferencer.gallery
    for place, held in enumerate(gallery.fields('kind', 'id')):
        if held['kind'] == kind and held['id'] == name:
            item = gallery.items[place]
            content = item['path'] if kind == 'image' else item['text']
            if content:
                return {kind: content, 'target': kind}
    raise ValueError('more like this needs an item of the gallery that can '
                     f'be opened, got {like[:100]!r}')


def _opened(encoded: bytes) -> Image.Image:
    try:
        return open_picture(encoded, _MAX_PAGE_PIXELS)
    except PictureTooLargeError as error:
        size = ('many more' if error.size is None
                else f'{error.size[0]} × {error.size[1]}')
        raise ValueError(
            'a picture must have at most '
            f'{_MAX_PAGE_PIXELS // 10**6} megapixels, got {size}') from error
    except UnknownFormatError:
        raise ValueError('an upload must be a picture such as JPEG or PNG'
                         ) from None
    except PictureError as error:
        raise ValueError('a picture must be whole: this one is damaged'
                         ) from error


def search_page(inferencer: Any, asked: Optional[Asked] = None,
                result: Optional[SearchResult] = None,
                error: str = '') -> str:
    """Write the page with the form, and the results below it.

    Args:
        inferencer: For the name of the model and the size of the gallery.
        asked: What stands in the form. None: nothing yet.
        result: What was found.
        error: Why nothing was.
    """
    asked = asked or Asked()
    gallery = inferencer.gallery
    facts = (f'{inferencer.run.name} · {gallery.count("image")} pictures, '
             f'{gallery.count("text")} texts')
    parts = ([f'<p class="note" role="alert">{esc(error)}</p>'] if error
             else [])
    if result is not None:
        parts.append(_found(result))
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<title>Search</title><style>{STYLE}{_FORM_STYLE}</style></head>'
        '<body>' + banner('Search', facts, 'Skip to what was found')
        + '<main><form method="post" action="/" role="search" '
        'enctype="multipart/form-data">'
        '<div class="line"><label>Text<input type="text" name="text" '
        f'maxlength="{MAX_TEXT}" value="{esc(asked.text)}" autofocus '
        'placeholder="what to look for"></label>'
        '<label>Results<input type="number" name="topk" min="1" '
        f'max="{MAX_TOPK}" value="{esc(asked.topk)}"></label></div>'
        '<label>or a picture, or both: drop it here<input type="file" '
        'name="image" accept="image/*"></label>'
        + _balance_field(inferencer, asked) + _without_field(
            inferencer, asked) + _only_field(asked)
        + '<button>Search</button></form>'
        + f'<div id="content" tabindex="-1">{"".join(parts)}</div>'
        '</main></body></html>\n')


def _balance_field(inferencer: Any, asked: Asked) -> str:
    """A slider, where the model has an instance part."""
    held = inferencer.model.balance
    if held is None:
        return ''
    shown = asked.balance if asked.balance.isdecimal() else f'{100 * held:.0f}'
    return ('<label>this kind of thing … this very thing<input type="range" '
            f'name="balance" min="0" max="100" value="{esc(shown)}"></label>')


def _without_field(inferencer: Any, asked: Asked) -> str:
    """A choice of a label to leave out, where the gallery has labels."""
    labels = inferencer.gallery.labels[:_MOST_LABELS]
    if len(labels) < 2:
        return ''
    options = ''.join(
        f'<option{" selected" if label == asked.without else ""}>'
        f'{esc(label)}</option>' for label in labels)
    return ('<label>leave out<select name="without"><option value="">nothing'
            f'</option>{options}</select></label>')


def _only_field(asked: Asked) -> str:
    return ('<label>find only<input type="text" name="only" '
            f'maxlength="200" value="{esc(asked.only[:200])}" '
            'placeholder="a label, or path=FOLDER, id=…, '
            'COLUMN=VALUE of the manifest"></label>')


def _found(result: SearchResult) -> str:
    best = sorted(result.classes.items(), key=lambda pair: -pair[1])[:4]
    bars = ''.join(
        f'<span>{esc(name)}</span><span aria-hidden="true"><span class="bar" '
        f'style="display:block;width:{max(1, 100 * share):.0f}%"></span>'
        '</span>'
        f'<span>{share:.1%}</span>' for name, share in best)
    notes = ''.join(f'<p class="note">{esc(note)}</p>'
                    for note in result.notes)
    cells = [(Cell(hit.path if hit.kind == 'image' else None,
                   hit.text or hit.id, hit.label, hit.score,
                   detail=shown_parts(hit.parts)),
              '/?' + urlencode(dict(like=f'{hit.kind}:{hit.id}')))
             for hit in result.hits]
    cards = [card(cell, rank, link)
             for rank, (cell, link) in enumerate(cells, 1)]
    if result.kind != 'text':
        cards.insert(0, card(Cell(result.picture, result.query)))
    shown = f'<div class="row">{"".join(cards)}</div>'
    taken = (f'<h2>Taken for</h2><div class="classes">{bars}</div>' if bars
             else '')
    return (f'{taken}{notes}<section aria-labelledby="found">'
            f'<h2 id="found">Found</h2>{shown}</section>')
